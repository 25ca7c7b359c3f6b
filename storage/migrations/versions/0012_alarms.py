"""How far the books are proved, and the faults that stand.

Revision ID: 0012
Revises: 0009
"""

from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None

SQL = """
-- One row. mark: up to which of this server's transactions the books are proved (storage/proof.py); the others: when
-- what is new was proved last, the whole, and the carriers' accounts against their statements.
CREATE TABLE proof (
    mark bigint NOT NULL,
    new_at timestamptz,
    whole_at timestamptz,
    clearing_at timestamptz
);
CREATE UNIQUE INDEX proof_one ON proof ((true));
INSERT INTO proof (mark) VALUES (0);

-- A fault that stands: which check saw it, on what, and since when. It goes when the check finds it gone.
CREATE TABLE alarm (
    part text NOT NULL CHECK (part IN ('new', 'whole', 'clearing')),
    subject text NOT NULL,
    said text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (part, subject)
);

-- Which postings an import of a statement brought about.
CREATE INDEX statement_line_import ON statement_line (carrier, imported_at);
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP INDEX statement_line_import; DROP TABLE alarm, proof;")
