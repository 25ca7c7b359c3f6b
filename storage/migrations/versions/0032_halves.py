"""Half hands: a turn is one whole hand or two halves, and each hand has a draw of its own.

Revision ID: 0032
Revises: 0034
"""

from alembic import op

revision = "0032"
down_revision = "0034"
branch_labels = None
depends_on = None

SQL = """
-- The unit is the half hand (rules.md 6): a member has 1 to 6 of them, a hand is two or one.
ALTER TABLE member DROP CONSTRAINT member_hands_check;
ALTER TABLE member RENAME COLUMN hands TO halves;
UPDATE member SET halves = 2 * halves;
ALTER TABLE member ADD CONSTRAINT member_halves_check CHECK (halves BETWEEN 1 AND 6);
ALTER TABLE hand ADD COLUMN halves integer NOT NULL DEFAULT 2 CHECK (halves IN (1, 2));

-- A turn is one whole hand or two halves. As the unique key before it, it is looked at when all is written.
ALTER TABLE hand DROP CONSTRAINT hand_circle_turn_key;
CREATE INDEX hand_turn ON hand (circle, turn);
CREATE FUNCTION hand_fills_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(halves) FROM hand WHERE circle = NEW.circle AND turn = NEW.turn) > 2 THEN
        RAISE EXCEPTION 'turn % of % is taken', NEW.turn, NEW.circle USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hand_fills_turn AFTER INSERT OR UPDATE ON hand
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hand_fills_turn();

-- What each hand draws of a round's pot, and each payout of it.
ALTER TABLE payout ADD COLUMN hand integer;
UPDATE payout SET hand = (SELECT d.hand FROM draw d WHERE (d.circle, d.round) = (payout.circle, payout.round));
ALTER TABLE payout ALTER COLUMN hand SET NOT NULL, DROP CONSTRAINT payout_circle_round_fkey;
ALTER TABLE draw DROP CONSTRAINT draw_pkey, ADD PRIMARY KEY (circle, round, hand);
ALTER TABLE payout ADD FOREIGN KEY (circle, round, hand) REFERENCES draw (circle, round, hand);
DROP INDEX payout_one_open;
CREATE UNIQUE INDEX payout_one_open ON payout (circle, round, hand, kind)
    WHERE state IN ('ASKED', 'SENDING', 'FAILED');
"""

BACK = """
DROP INDEX payout_one_open;
ALTER TABLE payout DROP CONSTRAINT payout_circle_round_hand_fkey;
ALTER TABLE draw DROP CONSTRAINT draw_pkey, ADD PRIMARY KEY (circle, round);
ALTER TABLE payout DROP COLUMN hand, ADD FOREIGN KEY (circle, round) REFERENCES draw (circle, round);
CREATE UNIQUE INDEX payout_one_open ON payout (circle, round, kind) WHERE state IN ('ASKED', 'SENDING', 'FAILED');
DROP TRIGGER hand_fills_turn ON hand;
DROP FUNCTION hand_fills_turn;
DROP INDEX hand_turn;
ALTER TABLE hand DROP COLUMN halves, ADD UNIQUE (circle, turn) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE member DROP CONSTRAINT member_halves_check;
UPDATE member SET halves = halves / 2;
ALTER TABLE member RENAME COLUMN halves TO hands;
ALTER TABLE member ADD CONSTRAINT member_hands_check CHECK (hands BETWEEN 1 AND 3);
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it. Circles with half hands cannot go back: there is no whole hand to make of one."""
    op.execute(BACK)
