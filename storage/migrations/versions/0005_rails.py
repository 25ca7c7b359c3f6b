"""Money on real rails: who carries a payment, quotes, refunds and what card banks take back.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payment
    ADD COLUMN carrier text NOT NULL DEFAULT 'cash',
    ADD COLUMN pay_amount bigint NOT NULL DEFAULT 0 CHECK (pay_amount >= 0),
    ADD COLUMN pay_currency text NOT NULL DEFAULT 'JMD' CHECK (pay_currency IN ('JMD', 'USD')),
    ADD COLUMN rate bigint NOT NULL DEFAULT 0 CHECK (rate >= 0),
    ADD COLUMN good_until timestamptz,
    ADD COLUMN told text NOT NULL DEFAULT '',
    ADD COLUMN given_back bigint NOT NULL DEFAULT 0 CHECK (given_back >= 0),
    DROP CONSTRAINT payment_state_check,
    ADD CONSTRAINT payment_state_check CHECK (state IN ('PENDING', 'SETTLED', 'FAILED', 'DENIED', 'DISPUTED',
        'REFUNDED', 'CHARGED_BACK')),
    DROP CONSTRAINT payment_rail_provider_ref_key,
    ADD CONSTRAINT payment_given_back CHECK (given_back <= amount);
UPDATE payment SET carrier = CASE rail WHEN 'CASH' THEN 'cash' ELSE 'sandbox' END, pay_amount = amount,
    pay_currency = currency;
CREATE UNIQUE INDEX payment_carrier_ref ON payment (carrier, provider_ref);
CREATE INDEX payment_waits ON payment (carrier, currency, amount) WHERE state = 'PENDING';
CREATE INDEX payment_cash ON payment (person_id, began_at) WHERE carrier = 'cash';

ALTER TABLE payout RENAME COLUMN rail TO carrier;
ALTER TABLE payout
    ADD COLUMN tries smallint NOT NULL DEFAULT 1 CHECK (tries >= 1),
    ADD COLUMN charge bigint NOT NULL DEFAULT 0;
UPDATE payout SET carrier = lower(carrier);

-- Money on its way back to who paid it.
CREATE TABLE refund (
    id text PRIMARY KEY,
    receipt text NOT NULL REFERENCES payment,
    circle text NOT NULL REFERENCES circle,
    person_id text NOT NULL REFERENCES person,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency IN ('JMD', 'USD')),
    carrier text NOT NULL,
    pay_amount bigint NOT NULL CHECK (pay_amount > 0),
    pay_currency text NOT NULL CHECK (pay_currency IN ('JMD', 'USD')),
    state text NOT NULL CHECK (state IN ('PENDING', 'SETTLED', 'FAILED')),
    started_by text NOT NULL REFERENCES person,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    provider_ref text
);
CREATE INDEX refund_receipt ON refund (receipt);

-- A card payment that its bank took back. owed: what of it was spent already and is the member's debt.
CREATE TABLE chargeback (
    id text PRIMARY KEY,
    receipt text NOT NULL REFERENCES payment,
    circle text NOT NULL REFERENCES circle,
    person_id text NOT NULL REFERENCES person,
    amount bigint NOT NULL CHECK (amount > 0),
    owed bigint NOT NULL CHECK (owed BETWEEN 0 AND amount),
    state text NOT NULL CHECK (state IN ('TAKEN', 'RETURNED', 'LOST')),
    taken_at timestamptz NOT NULL,
    ended_at timestamptz
);

-- Jamaican for US money, in ten-thousandths (domain/exchange.py). The newest is in force; none is ever changed.
CREATE TABLE rate (
    id text PRIMARY KEY,
    jmd_per_usd bigint NOT NULL CHECK (jmd_per_usd > 0),
    set_by text NOT NULL,
    set_at timestamptz NOT NULL
);
CREATE INDEX rate_newest ON rate (set_at DESC);

ALTER TABLE ticket DROP CONSTRAINT ticket_kind_check, ADD CONSTRAINT ticket_kind_check
    CHECK (kind IN ('kyc', 'agent', 'dispute', 'payout', 'fault', 'match', 'alert'));
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
    CHECK (kind IN ('say', 'collect', 'capture', 'refund', 'disburse', 'enquire'));
"""

BACK = """
DELETE FROM outbox WHERE kind IN ('capture', 'refund', 'enquire');
ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
    CHECK (kind IN ('say', 'collect', 'disburse'));
DELETE FROM ticket WHERE kind IN ('match', 'alert');
ALTER TABLE ticket DROP CONSTRAINT ticket_kind_check, ADD CONSTRAINT ticket_kind_check
    CHECK (kind IN ('kyc', 'agent', 'dispute', 'payout', 'fault'));
DROP TABLE rate, chargeback, refund;
UPDATE payout SET carrier = upper(carrier);
ALTER TABLE payout DROP COLUMN tries, DROP COLUMN charge;
ALTER TABLE payout RENAME COLUMN carrier TO rail;
DROP INDEX payment_carrier_ref, payment_waits, payment_cash;
UPDATE payment SET state = 'SETTLED' WHERE state IN ('REFUNDED', 'CHARGED_BACK');
ALTER TABLE payment
    DROP COLUMN carrier, DROP COLUMN pay_amount, DROP COLUMN pay_currency, DROP COLUMN rate, DROP COLUMN good_until,
    DROP COLUMN told, DROP COLUMN given_back,
    DROP CONSTRAINT payment_state_check,
    ADD CONSTRAINT payment_state_check CHECK (state IN ('PENDING', 'SETTLED', 'FAILED', 'DENIED', 'DISPUTED')),
    ADD CONSTRAINT payment_rail_provider_ref_key UNIQUE (rail, provider_ref);
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it; what was given or taken back stays in the ledger, as settled payments."""
    op.execute(BACK)
