"""What becomes of a missed throw: late fees, waivers, what the reserve or the banker puts into a pot; payment plans.

Revision ID: 0035b
Revises: 0038
"""

from alembic import op

revision = "0035b"
down_revision = "0038"
branch_labels = None
depends_on = None

SQL = """
-- A hand's due: what is owed by nobody any more, what stands in the pot in its place, and its late fee.
ALTER TABLE due
    ADD COLUMN waived bigint NOT NULL DEFAULT 0 CHECK (waived >= 0 AND paid + waived <= amount),
    ADD COLUMN reserve bigint NOT NULL DEFAULT 0 CHECK (reserve >= 0),
    ADD COLUMN cover bigint NOT NULL DEFAULT 0 CHECK (cover >= 0),
    ADD COLUMN late_fee bigint NOT NULL DEFAULT 0,
    ADD COLUMN late_paid bigint NOT NULL DEFAULT 0 CHECK (late_paid BETWEEN 0 AND late_fee);

ALTER TABLE draw
    ADD COLUMN reserve bigint NOT NULL DEFAULT 0 CHECK (reserve >= 0),
    ADD COLUMN reserve_paid bigint NOT NULL DEFAULT 0 CHECK (reserve_paid BETWEEN 0 AND reserve),
    ADD COLUMN offset_late bigint NOT NULL DEFAULT 0 CHECK (offset_late >= 0),
    DROP CONSTRAINT draw_check2,
    ADD CONSTRAINT draw_sums_check
        CHECK (net = gross - fee - reserve - offset_throw - offset_arrears - offset_late);

-- A payment of the banker's for a short pot, no throw of anybody's.
ALTER TABLE payment ADD COLUMN covers boolean NOT NULL DEFAULT false;

CREATE TABLE waiver (
    id text PRIMARY KEY,
    circle text NOT NULL REFERENCES circle,
    person_id text NOT NULL REFERENCES person,
    kind text NOT NULL CHECK (kind IN ('late', 'throw')),
    round integer NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    reason text NOT NULL CHECK (reason <> ''),
    waived_by text NOT NULL REFERENCES person,
    waived_at timestamptz NOT NULL
);
CREATE INDEX waiver_circle ON waiver (circle);
"""

BACK = """
DROP TABLE waiver;
ALTER TABLE payment DROP COLUMN covers;
ALTER TABLE draw DROP CONSTRAINT draw_sums_check,
    DROP COLUMN reserve, DROP COLUMN reserve_paid, DROP COLUMN offset_late,
    ADD CONSTRAINT draw_check2 CHECK (net = gross - fee - offset_throw - offset_arrears);
ALTER TABLE due DROP COLUMN waived, DROP COLUMN reserve, DROP COLUMN cover, DROP COLUMN late_fee, DROP COLUMN late_paid;
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute(BACK)
