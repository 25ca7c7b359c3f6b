"""What scores are made of, and lotteries by trust.

Revision ID: 0037
Revises: 0033
"""

from alembic import op

revision = "0037"
down_revision = "0033"
branch_labels = None
depends_on = None

SQL = """
-- How a member's throw of a round was at its cut-off, and when grace was over (rules.md 56).
CREATE TABLE throw_mark (
    circle text NOT NULL REFERENCES circle,
    round int NOT NULL,
    person_id text NOT NULL REFERENCES person,
    what text NOT NULL CHECK (what IN ('clean', 'late', 'missed')),
    at timestamptz NOT NULL,
    PRIMARY KEY (circle, round, person_id),
    FOREIGN KEY (circle, round) REFERENCES round
);
CREATE INDEX throw_mark_person ON throw_mark (person_id);

-- Since when a draw could be paid by its banker, and when its payout was begun.
ALTER TABLE draw ADD ready_at timestamptz, ADD begun_at timestamptz;

-- A lottery by trust publishes its tiers before there is a seed (rules.md 12).
ALTER TABLE lottery ADD tiers text NOT NULL DEFAULT '' CHECK (tiers ~ '^([123]( [123])*)?$'),
    DROP CONSTRAINT lottery_state_check,
    ADD CONSTRAINT lottery_state_check CHECK (state IN ('TIERS', 'WORDS', 'CLOSED', 'DRAWN', 'CANCELLED')),
    DROP CONSTRAINT lottery_seed_hash_check,
    ADD CONSTRAINT lottery_seed_hash_check CHECK (seed_hash ~ '^([0-9a-f]{64})?$'),
    ADD CONSTRAINT lottery_seed_check CHECK ((seed_hash = '') = (state = 'TIERS') OR state = 'CANCELLED'),
    DROP CONSTRAINT lottery_check,
    ADD CONSTRAINT lottery_check CHECK ((words_hash = '') = (state IN ('TIERS', 'WORDS')) OR state = 'CANCELLED');

CREATE OR REPLACE FUNCTION lottery_is_promised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.marked, NEW.tiers) IS DISTINCT FROM (OLD.marked, OLD.tiers)
        OR OLD.seed_hash <> '' AND (NEW.seed_hash, NEW.seed) IS DISTINCT FROM (OLD.seed_hash, OLD.seed)
        OR OLD.state IN ('DRAWN', 'CANCELLED') AND NEW IS DISTINCT FROM OLD
        OR OLD.words_hash <> '' AND NEW.words_hash <> OLD.words_hash THEN
        RAISE EXCEPTION 'the lottery of % is published', OLD.circle USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""

BACK = """
CREATE OR REPLACE FUNCTION lottery_is_promised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.seed_hash, NEW.seed, NEW.marked) IS DISTINCT FROM (OLD.seed_hash, OLD.seed, OLD.marked)
        OR OLD.state IN ('DRAWN', 'CANCELLED') AND NEW IS DISTINCT FROM OLD
        OR OLD.words_hash <> '' AND NEW.words_hash <> OLD.words_hash THEN
        RAISE EXCEPTION 'the lottery of % is published', OLD.circle USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
ALTER TABLE lottery DROP CONSTRAINT lottery_seed_check, DROP CONSTRAINT lottery_check,
    ADD CONSTRAINT lottery_check CHECK ((words_hash = '') = (state = 'WORDS') OR state = 'CANCELLED'),
    DROP CONSTRAINT lottery_state_check,
    ADD CONSTRAINT lottery_state_check CHECK (state IN ('WORDS', 'CLOSED', 'DRAWN', 'CANCELLED')),
    DROP CONSTRAINT lottery_seed_hash_check,
    ADD CONSTRAINT lottery_seed_hash_check CHECK (seed_hash ~ '^[0-9a-f]{64}$'),
    DROP COLUMN tiers;
ALTER TABLE draw DROP COLUMN ready_at, DROP COLUMN begun_at;
DROP TABLE throw_mark;
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute(BACK)
