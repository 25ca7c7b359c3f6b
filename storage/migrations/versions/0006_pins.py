"""The PIN and what it guards.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SQL = """
-- rules.md 54. hash: argon2id over a keyed hash; '' after staff reset it.
CREATE TABLE pin (
    person_id text PRIMARY KEY REFERENCES person,
    hash text NOT NULL,
    set_at timestamptz NOT NULL,
    tries smallint NOT NULL DEFAULT 0 CHECK (tries >= 0),
    locks integer NOT NULL DEFAULT 0 CHECK (locks >= 0),
    locked_until timestamptz
);

-- What one address has shown and what waits there: a sealed command, or the hash of a PIN to be typed once more.
CREATE TABLE step_up (
    party text PRIMARY KEY,
    person_id text NOT NULL REFERENCES person,
    given_at timestamptz,
    waits bytea,
    draft text NOT NULL DEFAULT '',
    since timestamptz
);

-- Why a person's draws are not sent for now: details or addresses changed (rules.md 34, 53), or staff hold them.
CREATE TABLE payout_freeze (
    person_id text PRIMARY KEY REFERENCES person,
    until timestamptz,
    held boolean NOT NULL DEFAULT false
);

-- Staff name somebody by their whole name.
CREATE INDEX person_name ON person (lower(name));
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP INDEX person_name")
    op.execute("DROP TABLE payout_freeze, step_up, pin")
