"""Terms of a circle that are about money; a circle that set none of them keeps the hash its members accepted.

Revision ID: 0035
Revises: 0031
"""

from alembic import op

revision = "0035"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new. Shares are in hundredths of a percent."""
    op.execute("""
        ALTER TABLE circle
            ADD COLUMN fee_kind text NOT NULL DEFAULT 'flat' CHECK (fee_kind IN ('flat', 'percent', 'hand', 'gift')),
            ADD COLUMN fee_share integer NOT NULL DEFAULT 0 CHECK (fee_share BETWEEN 0 AND 10000),
            ADD COLUMN late_fee bigint NOT NULL DEFAULT 0 CHECK (late_fee >= 0),
            ADD COLUMN late_share integer NOT NULL DEFAULT 0 CHECK (late_share BETWEEN 0 AND 2500),
            ADD COLUMN late_cap bigint NOT NULL DEFAULT 0 CHECK (late_cap >= 0),
            ADD COLUMN reserve_share integer NOT NULL DEFAULT 0 CHECK (reserve_share BETWEEN 0 AND 1000),
            ADD COLUMN cover boolean NOT NULL DEFAULT false,
            ADD COLUMN on_default text NOT NULL DEFAULT 'last' CHECK (on_default IN ('last', 'substitute'))
    """)


def downgrade() -> None:
    """Remove it."""
    op.execute("""
        ALTER TABLE circle DROP COLUMN fee_kind, DROP COLUMN fee_share, DROP COLUMN late_fee, DROP COLUMN late_share,
            DROP COLUMN late_cap, DROP COLUMN reserve_share, DROP COLUMN cover, DROP COLUMN on_default
    """)
