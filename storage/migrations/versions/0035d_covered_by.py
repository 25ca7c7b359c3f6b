"""Whose money it is that stands in for a throw: the banker's who covered it, whoever banks the circle later.

Revision ID: 0035d
Revises: 0040
"""

from alembic import op

revision = "0035d"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    op.execute("ALTER TABLE due ADD COLUMN covered_by text NOT NULL DEFAULT ''")
    op.execute("UPDATE due SET covered_by = (SELECT banker_id FROM circle WHERE code = circle) WHERE cover > 0")


def downgrade() -> None:
    """Remove it."""
    op.execute("ALTER TABLE due DROP COLUMN covered_by")
