"""What may change only with the yes of others: proposals and what people said to them; a banker's deputy.

Revision ID: 0036
Revises: 0035b
"""

from alembic import op

revision = "0036"
down_revision = "0035b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep proposals for good: they are the record of what a circle changed."""
    op.execute("""
        CREATE TABLE proposal (
            ref text PRIMARY KEY,
            circle text NOT NULL REFERENCES circle,
            kind text NOT NULL,
            by_id text NOT NULL REFERENCES person,
            who_id text REFERENCES person,
            change text NOT NULL,
            state text NOT NULL CHECK (state IN ('OPEN', 'DONE', 'REFUSED', 'LAPSED')),
            opened_at timestamptz NOT NULL,
            ends_at timestamptz NOT NULL,
            ended_at timestamptz,
            from_round integer NOT NULL DEFAULT 0,
            CHECK ((state = 'OPEN') = (ended_at IS NULL))
        );
        CREATE INDEX proposal_circle ON proposal (circle);
        CREATE TABLE ballot (
            ref text NOT NULL REFERENCES proposal,
            circle text NOT NULL REFERENCES circle,
            person_id text NOT NULL REFERENCES person,
            yes boolean NOT NULL,
            cast_at timestamptz NOT NULL,
            PRIMARY KEY (ref, person_id)
        );
        CREATE INDEX ballot_circle ON ballot (circle);
        ALTER TABLE circle ADD COLUMN deputy_id text REFERENCES person;
        ALTER TABLE member DROP CONSTRAINT member_halves_check,
            ADD CONSTRAINT member_halves_check CHECK (halves BETWEEN 0 AND 6)
    """)


def downgrade() -> None:
    """Forget them."""
    op.execute("""
        DROP TABLE ballot;
        DROP TABLE proposal;
        ALTER TABLE circle DROP COLUMN deputy_id;
        DELETE FROM member WHERE halves = 0;
        ALTER TABLE member DROP CONSTRAINT member_halves_check,
            ADD CONSTRAINT member_halves_check CHECK (halves BETWEEN 1 AND 6)
    """)
