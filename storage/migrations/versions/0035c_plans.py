"""Plans by which members pay in parts what they missed.

Revision ID: 0035c
Revises: 0036
"""

from alembic import op

revision = "0035c"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    op.execute("""
        CREATE TABLE plan (
            circle text NOT NULL,
            person_id text NOT NULL,
            amount bigint NOT NULL CHECK (amount > 0),
            every text NOT NULL CHECK (every IN ('weekly', 'fortnightly', 'monthly')),
            owed bigint NOT NULL CHECK (owed >= amount),
            upto integer NOT NULL,  -- the last round it is about
            first_on date NOT NULL,
            state text NOT NULL CHECK (state IN ('PROPOSED', 'AGREED', 'REFUSED', 'KEPT', 'BEHIND')),
            asked_at timestamptz NOT NULL,
            PRIMARY KEY (circle, person_id),
            FOREIGN KEY (circle, person_id) REFERENCES member (circle, person_id)
        )
    """)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE plan")
