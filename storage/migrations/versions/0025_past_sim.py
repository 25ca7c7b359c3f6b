"""What the local SIM could not send goes by another way.

Revision ID: 0025
Revises: 0026
"""

from alembic import op

revision = "0025"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    op.execute("ALTER TABLE outbox ADD COLUMN past_sim boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Remove it."""
    op.execute("ALTER TABLE outbox DROP COLUMN past_sim")
