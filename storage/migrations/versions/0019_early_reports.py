"""A network may tell of a message before we have noted that it was sent.

Revision ID: 0019
Revises: 0015
"""

from alembic import op

revision = "0019"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make a place for what is told too early."""
    op.execute("""
        CREATE TABLE early_report (
            channel text NOT NULL,
            provider_id text NOT NULL,
            rank smallint NOT NULL,
            at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (channel, provider_id)
        )
    """)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE early_report")
