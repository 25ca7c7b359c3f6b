"""Disputes that three members decide.

Revision ID: 0047
Revises: 0039
"""

from alembic import op

revision = "0047"
down_revision = "0039"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE dispute (
    id text PRIMARY KEY REFERENCES ticket,
    circle text NOT NULL REFERENCES circle,
    ref text NOT NULL,
    over text NOT NULL CHECK (over IN ('cash', 'draw', 'complaint')),
    subject text NOT NULL,  -- the receipt or the payout it is over
    amount bigint NOT NULL CHECK (amount >= 0),
    held bigint NOT NULL CHECK (held BETWEEN 0 AND amount),
    opened_by text NOT NULL REFERENCES person,
    against text NOT NULL REFERENCES person,
    state text NOT NULL CHECK (state IN ('OPEN', 'STAFF', 'YES', 'NO', 'WITHDRAWN')),
    opened_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    ended_at timestamptz,
    lost_by text REFERENCES person,
    opener_says bytea,  -- sealed
    other_says bytea,
    CHECK ((ended_at IS NULL) = (state IN ('OPEN', 'STAFF'))),
    CHECK (opened_by <> against)
);
CREATE INDEX dispute_circle ON dispute (circle);
CREATE INDEX dispute_opened_by ON dispute (opened_by);
CREATE INDEX dispute_against ON dispute (against);
CREATE INDEX dispute_lost_by ON dispute (lost_by) WHERE lost_by IS NOT NULL;
CREATE UNIQUE INDEX dispute_once ON dispute (circle, subject) WHERE state IN ('OPEN', 'STAFF') AND subject <> '';

CREATE TABLE dispute_judge (
    dispute_id text NOT NULL REFERENCES dispute,
    circle text NOT NULL REFERENCES circle,
    person_id text NOT NULL REFERENCES person,
    asked_at timestamptz NOT NULL,
    vote text NOT NULL DEFAULT '' CHECK (vote IN ('', 'yes', 'no')),
    replaced boolean NOT NULL DEFAULT false,
    PRIMARY KEY (dispute_id, person_id)
);
CREATE INDEX dispute_judge_circle ON dispute_judge (circle);
CREATE INDEX dispute_judge_person ON dispute_judge (person_id);
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE dispute_judge, dispute")
