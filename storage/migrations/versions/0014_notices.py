"""A notice to a person goes by another way when one fails.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

SQL = """
-- A notice is what the parcels of one news to one person share, whichever way they go; a reply is none.
-- patience: after so long without a word that it is there, the next way is taken.
-- looked_at: when it was seen that this way had failed, so that it is seen once.
ALTER TABLE outbox ADD COLUMN notice text, ADD COLUMN person_id text, ADD COLUMN patience interval,
    ADD COLUMN looked_at timestamptz,
    ADD CHECK (num_nonnulls(notice, person_id, patience) IN (0, 3));
CREATE INDEX outbox_not_there ON outbox (lane, notice)
    WHERE notice IS NOT NULL AND looked_at IS NULL AND delivery < 3 AND state <> 'replaced';
CREATE INDEX outbox_notice ON outbox (notice) WHERE notice IS NOT NULL;
-- The last of a lane, menus and all: what a number typed means, and what became of somebody's messages.
CREATE INDEX outbox_of_lane ON outbox (lane, id);
DROP INDEX outbox_menu;

-- A person is told first where they last said so.
ALTER TABLE address ADD COLUMN preferred_at timestamptz;
"""


def upgrade() -> None:
    """Add the columns."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP INDEX outbox_of_lane")
    op.execute("CREATE INDEX outbox_menu ON outbox (lane, id) WHERE menu")
    op.execute("ALTER TABLE address DROP COLUMN preferred_at")
    op.execute("""
        ALTER TABLE outbox DROP COLUMN notice, DROP COLUMN person_id, DROP COLUMN patience, DROP COLUMN looked_at
    """)
