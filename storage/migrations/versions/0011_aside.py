"""What stands aside is named once, and what a card's bank took and gave back is kept in the currency it told.

Revision ID: 0011
Revises: 0014
"""

from alembic import op

revision = "0011"
down_revision = "0014"
branch_labels = None
depends_on = None

SQL = """
-- Money is put aside once for its name. What was asked about twice before was booked once.
UPDATE ticket t SET subject = t.subject || '#' || t.id, closed_at = coalesce(t.closed_at, t.opened_at),
    outcome = CASE WHEN t.closed_at IS NULL THEN 'told twice' ELSE t.outcome END
WHERE t.kind = 'match' AND EXISTS (
    SELECT FROM ticket o WHERE o.kind = 'match' AND o.subject = t.subject AND (o.opened_at, o.id) < (t.opened_at, t.id)
);
CREATE UNIQUE INDEX ticket_aside ON ticket (subject) WHERE kind = 'match';

ALTER TABLE chargeback
    ADD COLUMN pay_amount bigint NOT NULL DEFAULT 0 CHECK (pay_amount >= 0),
    ADD COLUMN pay_currency text NOT NULL DEFAULT 'JMD' CHECK (pay_currency IN ('JMD', 'USD')),
    ADD COLUMN returned bigint NOT NULL DEFAULT 0 CHECK (returned >= 0);
UPDATE chargeback b SET pay_amount = p.pay_amount, pay_currency = p.pay_currency,
    returned = CASE b.state WHEN 'RETURNED' THEN b.amount ELSE 0 END
FROM payment p WHERE p.receipt = b.receipt;
CREATE INDEX chargeback_receipt ON chargeback (receipt);
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP INDEX ticket_aside, chargeback_receipt")
    op.execute("ALTER TABLE chargeback DROP COLUMN pay_amount, DROP COLUMN pay_currency, DROP COLUMN returned")
