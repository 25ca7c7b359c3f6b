"""Taps that are answered, addresses that ended by themselves, and groups that hear the news of a circle.

Revision ID: 0022
Revises: 0020
"""

from alembic import op

revision = "0022"
down_revision = "0020"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
    CHECK (kind IN ('say', 'tap', 'collect', 'capture', 'refund', 'disburse', 'enquire', 'event'));

-- Its network ended it (a blocked bot, a number that is no more), not the person's STOP.
ALTER TABLE address ADD COLUMN gone boolean NOT NULL DEFAULT false;

-- The group on Telegram that hears a circle's public news.
ALTER TABLE circle ADD COLUMN group_party text;
CREATE INDEX circle_group ON circle (group_party) WHERE group_party IS NOT NULL;
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("ALTER TABLE circle DROP COLUMN group_party")
    op.execute("ALTER TABLE address DROP COLUMN gone")
    op.execute("DELETE FROM outbox WHERE kind = 'tap'")
    op.execute("""
        ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
            CHECK (kind IN ('say', 'collect', 'capture', 'refund', 'disburse', 'enquire', 'event'))
    """)
