"""A provider that turns us away is a fault that stands, like those of the books.

Revision ID: 0031
Revises: 0021
"""

from alembic import op

revision = "0031"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let its part be noted."""
    op.execute("""
        ALTER TABLE alarm DROP CONSTRAINT alarm_part_check, ADD CONSTRAINT alarm_part_check
            CHECK (part IN ('new', 'whole', 'clearing', 'provider'))
    """)


def downgrade() -> None:
    """Know the books' parts alone."""
    op.execute("DELETE FROM alarm WHERE part = 'provider'")
    op.execute("""
        ALTER TABLE alarm DROP CONSTRAINT alarm_part_check, ADD CONSTRAINT alarm_part_check
            CHECK (part IN ('new', 'whole', 'clearing'))
    """)
