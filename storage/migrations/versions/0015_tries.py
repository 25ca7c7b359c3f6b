"""Each try to pay is a payout of its own.

Revision ID: 0015
Revises: 0017
"""

from alembic import op

revision = "0015"
down_revision = "0017"
branch_labels = None
depends_on = None

SQL = """
-- RETURNED: it came back, and another payout pays it anew. STRAY: the rail paid after all what it had refused, while
-- another was on its way. out_line, back_line: the lines of statements that showed it leave and come back.
ALTER TABLE payout
    DROP CONSTRAINT payout_state_check,
    ADD CONSTRAINT payout_state_check CHECK (state IN ('ASKED', 'SENDING', 'SENT', 'FAILED', 'RECEIVED', 'PRESUMED',
        'DISPUTED', 'DROPPED', 'RETURNED', 'STRAY')),
    ADD COLUMN out_line text,
    ADD COLUMN back_line text;
CREATE INDEX statement_line_outcome ON statement_line (carrier, outcome) WHERE outcome <> '';
UPDATE payout p SET out_line = (
    SELECT min(l.id) FROM statement_line l WHERE l.payout_id = p.id AND l.amount < 0 AND l.state = 'MATCHED');
DROP INDEX payout_ref_open, payout_circle;
CREATE UNIQUE INDEX payout_ref_open ON payout (ref)
    WHERE state NOT IN ('RECEIVED', 'PRESUMED', 'DROPPED', 'RETURNED', 'STRAY');
CREATE INDEX payout_circle ON payout (circle) WHERE state NOT IN ('RECEIVED', 'PRESUMED', 'DROPPED', 'RETURNED');
CREATE INDEX payout_ref ON payout (ref);
CREATE INDEX statement_line_payout ON statement_line (payout_id) WHERE payout_id IS NOT NULL;
"""

BACK = """
UPDATE payout SET state = 'DROPPED' WHERE state IN ('RETURNED', 'STRAY');
DROP INDEX payout_ref_open, payout_circle, payout_ref, statement_line_payout, statement_line_outcome;
CREATE UNIQUE INDEX payout_ref_open ON payout (ref) WHERE state NOT IN ('RECEIVED', 'PRESUMED', 'DROPPED');
CREATE INDEX payout_circle ON payout (circle) WHERE state NOT IN ('RECEIVED', 'PRESUMED', 'DROPPED');
ALTER TABLE payout
    DROP CONSTRAINT payout_state_check,
    ADD CONSTRAINT payout_state_check CHECK (state IN ('ASKED', 'SENDING', 'SENT', 'FAILED', 'RECEIVED', 'PRESUMED',
        'DISPUTED', 'DROPPED')),
    DROP COLUMN out_line,
    DROP COLUMN back_line;
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Take it back."""
    op.execute(BACK)
