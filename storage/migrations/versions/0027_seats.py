"""Turns that members choose.

Revision ID: 0027
Revises: 0025
"""

from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    op.execute("ALTER TABLE hand ADD COLUMN chosen boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Remove it."""
    op.execute("ALTER TABLE hand DROP COLUMN chosen")
