"""Payout files written for a bank.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SQL = """
-- One file for a bank or wallet. It is kept sealed as it was written, so that it can be written again to the byte.
CREATE TABLE payout_batch (
    id text PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 35),
    carrier text NOT NULL CHECK (carrier IN ('ncb', 'scotia', 'lynk')),
    currency text NOT NULL CHECK (currency IN ('JMD', 'USD')),
    method text NOT NULL CHECK (method IN ('ACH', 'RTGS', 'LIST')),
    format text NOT NULL,
    execution_date date NOT NULL,
    count int NOT NULL CHECK (count > 0),
    total bigint NOT NULL CHECK (total > 0),
    file_name text NOT NULL UNIQUE,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL
);
CREATE INDEX payout_batch_made ON payout_batch (made_at);

-- What the bank is told of one payout, and what it said. end_to_end_id is never used twice.
CREATE TABLE payout_batch_line (
    end_to_end_id text PRIMARY KEY CHECK (length(end_to_end_id) BETWEEN 1 AND 35),
    batch text NOT NULL REFERENCES payout_batch,
    position int NOT NULL CHECK (position > 0),
    outbox_id bigint NOT NULL REFERENCES outbox,
    payout_id text,
    refund_id text,
    amount bigint NOT NULL CHECK (amount > 0),
    state text NOT NULL DEFAULT 'WRITTEN' CHECK (state IN ('WRITTEN', 'PAID', 'FAILED', 'RETURNED')),
    said text NOT NULL DEFAULT '',
    bank_reference text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL,
    UNIQUE (batch, position),
    CHECK (num_nonnulls(payout_id, refund_id) = 1)
);
-- An order is in one file at a time; it may go into another only when the bank has refused or returned it.
CREATE UNIQUE INDEX payout_batch_line_once ON payout_batch_line (outbox_id) WHERE state IN ('WRITTEN', 'PAID');

-- A batch's count and total are those of its lines.
CREATE FUNCTION payout_batch_adds_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.count, NEW.total) IS DISTINCT FROM (
        SELECT (count(*)::int, coalesce(sum(amount), 0)::bigint) FROM payout_batch_line WHERE batch = NEW.id
    ) THEN
        RAISE EXCEPTION 'payout batch % does not add up', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER payout_batch_adds_up AFTER INSERT OR UPDATE ON payout_batch
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payout_batch_adds_up();

-- What was sent to a bank is never changed or taken back; only what the bank says of it.
CREATE FUNCTION payout_line_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.end_to_end_id, OLD.batch, OLD.position, OLD.outbox_id, OLD.payout_id, OLD.refund_id,
            OLD.amount) IS DISTINCT FROM (NEW.end_to_end_id, NEW.batch, NEW.position, NEW.outbox_id, NEW.payout_id,
            NEW.refund_id, NEW.amount) THEN
        RAISE EXCEPTION 'a line of a payout file stays as it was written' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payout_line_stays BEFORE UPDATE OR DELETE ON payout_batch_line
    FOR EACH ROW EXECUTE FUNCTION payout_line_stays();
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("""
        DROP TABLE payout_batch_line, payout_batch;
        DROP FUNCTION payout_batch_adds_up(), payout_line_stays();
    """)
