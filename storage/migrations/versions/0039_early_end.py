"""A draw of which an early end leaves nothing.

Revision ID: 0039
Revises: 0035d
"""

from alembic import op

revision = "0039"
down_revision = "0035d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a draw be of nothing: what was not drawn of it when its circle ended early (rules.md 48)."""
    op.execute("ALTER TABLE draw DROP CONSTRAINT draw_gross_check, ADD CONSTRAINT draw_gross_check CHECK (gross >= 0)")


def downgrade() -> None:
    """Let each draw be of something; those of nothing go."""
    op.execute("""
        DELETE FROM draw WHERE gross = 0;
        ALTER TABLE draw DROP CONSTRAINT draw_gross_check, ADD CONSTRAINT draw_gross_check CHECK (gross > 0)
    """)
