"""Documents and pictures.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SQL = """
-- What a picture or a statement is drawn from, sealed. Nothing drawn is kept: it is drawn again from the same facts.
-- token_hash: of the only key to its page; the token itself stands in the message alone.
CREATE TABLE document (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('card', 'statement')),
    person_id text NOT NULL REFERENCES person,
    circle text NOT NULL REFERENCES circle,
    token_hash bytea NOT NULL UNIQUE,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > made_at)
);
CREATE INDEX document_expires ON document (expires_at);
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE document")
