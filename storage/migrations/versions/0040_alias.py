"""Another name of a sender whom we know by an address: WhatsApp's user id beside the number, or the other way round.

Revision ID: 0040
Revises: 0035c
"""

from alembic import op

revision = "0040"
down_revision = "0035c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep them; they go with the address."""
    op.execute("""
        CREATE TABLE alias (
            name text PRIMARY KEY,
            address text NOT NULL REFERENCES address (party) ON DELETE CASCADE,
            CHECK (name <> address)
        )
    """)
    op.execute("CREATE INDEX alias_address ON alias (address)")


def downgrade() -> None:
    """Forget them."""
    op.execute("DROP TABLE alias")
