"""Bank statements, line by line.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SQL = """
-- A line of a bank's statement; its id is made of what it says (domain/matching.py), so it is taken once. sealed: what
-- bank and payer wrote. receipt, payout_id, refund_id: what the import found; outcome: what it turned out to be.
CREATE TABLE statement_line (
    id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{64}$'),
    carrier text NOT NULL,
    booked date NOT NULL,
    valued date,
    amount bigint NOT NULL CHECK (amount <> 0),
    currency text NOT NULL CHECK (currency IN ('JMD', 'USD')),
    sealed bytea NOT NULL,
    hint text NOT NULL CHECK (hint IN ('', 'charge', 'interest', 'returned')),
    state text NOT NULL CHECK (state IN ('NEW', 'MATCHED', 'SUSPENSE', 'IGNORED')),
    how text NOT NULL CHECK (how IN ('', 'reference', 'likeness', 'staff')),
    confidence smallint NOT NULL CHECK (confidence BETWEEN 0 AND 100),
    receipt text REFERENCES payment,
    payout_id text REFERENCES payout,
    refund_id text REFERENCES refund,
    suggestions text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT '',
    file bytea NOT NULL,
    position bigint NOT NULL,
    imported_at timestamptz NOT NULL
);
CREATE INDEX statement_line_day ON statement_line (carrier, currency, booked);
CREATE INDEX statement_line_receipt ON statement_line (receipt) WHERE receipt IS NOT NULL;

-- What the bank says stood there at the end of a day, and what all lines up to that day come to.
CREATE TABLE statement_balance (
    carrier text NOT NULL,
    currency text NOT NULL CHECK (currency IN ('JMD', 'USD')),
    as_of date NOT NULL,
    balance bigint NOT NULL,
    line_total bigint NOT NULL,
    PRIMARY KEY (carrier, currency, as_of)
);
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE statement_balance, statement_line")
