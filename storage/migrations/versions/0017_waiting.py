"""A message may wait until the person writes.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SQL = """
-- waiting: a template has told that there is news, which goes with the answer to what the person writes next.
ALTER TABLE outbox DROP CONSTRAINT outbox_state_check, ADD CONSTRAINT outbox_state_check
    CHECK (state IN ('queued', 'sent', 'dead', 'dropped', 'replaced', 'waiting'));
CREATE INDEX outbox_waiting ON outbox (lane, id) WHERE state = 'waiting';
"""


def upgrade() -> None:
    """Allow the state."""
    op.execute(SQL)


def downgrade() -> None:
    """Let what waits count as sent."""
    op.execute("DROP INDEX outbox_waiting")
    op.execute("UPDATE outbox SET state = 'sent' WHERE state = 'waiting'")
    op.execute("""
        ALTER TABLE outbox DROP CONSTRAINT outbox_state_check, ADD CONSTRAINT outbox_state_check
            CHECK (state IN ('queued', 'sent', 'dead', 'dropped', 'replaced'))
    """)
