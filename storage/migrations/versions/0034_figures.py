"""What figures people were shown last, and where each comes from, so that WHY finds the lines behind it.

Revision ID: 0034
Revises: 0037
"""

from alembic import op

revision = "0034"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make a place for them; it is only ever asked by person and amount."""
    op.execute("""
        CREATE TABLE figure_shown (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            person_id text NOT NULL,
            minor bigint NOT NULL,
            currency text NOT NULL,
            kind text NOT NULL,
            circle text NOT NULL,
            whose text NOT NULL,
            round int NOT NULL,
            ref text NOT NULL,
            shown_at timestamptz NOT NULL
        );
        CREATE INDEX figure_shown_to ON figure_shown (person_id, minor);
        CREATE INDEX figure_shown_at ON figure_shown USING brin (shown_at);
    """)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE figure_shown")
