"""Partners hear of events by signed web hooks.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SQL = """
-- Whom we call. The address and the secret that signs the calls are sealed.
CREATE TABLE partner_hook (
    id text PRIMARY KEY,
    url bytea NOT NULL,
    secret bytea NOT NULL,
    events text[] NOT NULL CHECK (cardinality(events) > 0),
    added_at timestamptz NOT NULL,
    removed_at timestamptz
);

-- What happened, kept for as long as it may be told again.
CREATE TABLE event (
    id text PRIMARY KEY,
    kind text NOT NULL,
    at timestamptz NOT NULL,
    data jsonb NOT NULL
);
CREATE INDEX event_at ON event (at);

ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
    CHECK (kind IN ('say', 'collect', 'capture', 'refund', 'disburse', 'enquire', 'event'));
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DELETE FROM outbox WHERE kind = 'event'")
    op.execute("""
        ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
            CHECK (kind IN ('say', 'collect', 'capture', 'refund', 'disburse', 'enquire'))
    """)
    op.execute("DROP TABLE event, partner_hook")
