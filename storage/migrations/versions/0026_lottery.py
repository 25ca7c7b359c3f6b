"""The draw order by lottery.

Revision ID: 0026
Revises: 0024
"""

from alembic import op

revision = "0026"
down_revision = "0024"
branch_labels = None
depends_on = None

SQL = """
-- A circle has one lottery and no second: a result that is disliked cannot be drawn again (rules.md 13).
CREATE TABLE lottery (
    circle text PRIMARY KEY REFERENCES circle,
    state text NOT NULL CHECK (state IN ('WORDS', 'CLOSED', 'DRAWN', 'CANCELLED')),
    seed_hash text NOT NULL CHECK (seed_hash ~ '^[0-9a-f]{64}$'),  -- was published when it began
    seed bytea NOT NULL,  -- sealed
    marked text NOT NULL,  -- numbers of the hands that wait, as they were published
    began_at timestamptz NOT NULL,
    words_until timestamptz NOT NULL,
    words_hash text NOT NULL DEFAULT '' CHECK (words_hash ~ '^([0-9a-f]{64})?$'),
    CHECK ((words_hash = '') = (state = 'WORDS') OR state = 'CANCELLED')
);

CREATE TABLE lottery_word (
    circle text NOT NULL REFERENCES lottery,
    person_id text NOT NULL REFERENCES person,
    word text NOT NULL CHECK (word ~ '^[a-z]{2,12}$'),
    PRIMARY KEY (circle, person_id)
);
CREATE INDEX lottery_word_person ON lottery_word (person_id);

-- What was promised stays as it was published.
CREATE FUNCTION lottery_is_promised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.seed_hash, NEW.seed, NEW.marked) IS DISTINCT FROM (OLD.seed_hash, OLD.seed, OLD.marked)
        OR OLD.state IN ('DRAWN', 'CANCELLED') AND NEW IS DISTINCT FROM OLD
        OR OLD.words_hash <> '' AND NEW.words_hash <> OLD.words_hash THEN
        RAISE EXCEPTION 'the lottery of % is published', OLD.circle USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lottery_is_promised BEFORE UPDATE OR DELETE ON lottery
    FOR EACH ROW EXECUTE FUNCTION lottery_is_promised();
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE lottery_word, lottery")
    op.execute("DROP FUNCTION lottery_is_promised")
