"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

SQL = """
"""


def upgrade() -> None:
    """Say what it brings."""
    op.execute(SQL)


def downgrade() -> None:
    """Say what it takes away."""
    op.execute("")
