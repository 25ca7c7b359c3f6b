"""A mail address may have receipts copied to it, or not.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    op.execute("ALTER TABLE address ADD COLUMN copies boolean NOT NULL DEFAULT true")


def downgrade() -> None:
    """Remove it."""
    op.execute("ALTER TABLE address DROP COLUMN copies")
