"""What a network tells too early of a message keeps its code, and how the message may go once more.

Revision ID: 0038
Revises: 0032
"""

from alembic import op

revision = "0038"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep both; the release before leaves them empty."""
    op.execute("""
        ALTER TABLE early_report
            ADD COLUMN code text NOT NULL DEFAULT '', ADD COLUMN again text NOT NULL DEFAULT ''
    """)


def downgrade() -> None:
    """Forget them."""
    op.execute("ALTER TABLE early_report DROP COLUMN code, DROP COLUMN again")
