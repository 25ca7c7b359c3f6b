"""People, circles and what is thrown and drawn.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE person (
    id text PRIMARY KEY,
    name text NOT NULL,
    language text NOT NULL DEFAULT 'en' CHECK (language IN ('en', 'pw')),
    created_at timestamptz NOT NULL
);

-- One person, several addresses (rules.md 53). A party is `channel:address`.
CREATE TABLE address (
    party text PRIMARY KEY,
    person_id text NOT NULL REFERENCES person,
    added_at timestamptz NOT NULL,
    stopped_at timestamptz
);
CREATE INDEX address_person ON address (person_id);

-- Where a conversation stands with one address. wrote_at: when they last wrote.
CREATE TABLE session (
    party text PRIMARY KEY,
    state jsonb NOT NULL,
    wrote_at timestamptz NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE staff (
    party text NOT NULL,
    role text NOT NULL CHECK (role IN ('support', 'compliance', 'finance', 'admin')),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (party, role)
);

CREATE TABLE consent (
    person_id text NOT NULL REFERENCES person,
    kind text NOT NULL,
    version text NOT NULL,
    given_at timestamptz NOT NULL,
    party text NOT NULL,
    PRIMARY KEY (person_id, kind, version)
);

-- rules.md 33 and 57: encrypted, unique among the verified by a keyed hash.
CREATE TABLE trn (
    person_id text PRIMARY KEY REFERENCES person,
    sealed bytea NOT NULL,
    blind bytea NOT NULL,
    last3 text NOT NULL CHECK (last3 ~ '^[0-9]{3}$'),
    state text NOT NULL CHECK (state IN ('STATED', 'VERIFIED', 'REFUSED')),
    stated_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX trn_verified ON trn (blind) WHERE state = 'VERIFIED';
CREATE INDEX trn_blind ON trn (blind);

-- Where a person's draws go.
CREATE TABLE destination (
    person_id text PRIMARY KEY REFERENCES person,
    kind text NOT NULL CHECK (kind IN ('bank', 'wallet', 'cash')),
    label text NOT NULL,
    sealed bytea,
    set_at timestamptz NOT NULL
);

-- A one-time code on its way to an address that is being added (rules.md 53).
-- sent: when codes went out in the last day, so that there are never many.
CREATE TABLE link_code (
    party text NOT NULL,
    person_id text NOT NULL REFERENCES person,
    hash bytea NOT NULL,
    tries smallint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL,
    sent text NOT NULL DEFAULT '',
    PRIMARY KEY (party, person_id)
);
CREATE INDEX link_code_person ON link_code (person_id);

CREATE TABLE circle (
    code text PRIMARY KEY,
    name text NOT NULL,
    banker_id text NOT NULL REFERENCES person,
    treasurer_id text REFERENCES person,
    state text NOT NULL CHECK (state IN ('DRAFT', 'OPEN', 'LOCKED', 'ACTIVE', 'COMPLETED', 'CANCELLED',
        'SUSPENDED', 'TERMINATED')),
    currency text NOT NULL CHECK (currency IN ('JMD', 'USD')),
    throw bigint NOT NULL CHECK (throw > 0 AND throw % 2 = 0),
    frequency text NOT NULL CHECK (frequency IN ('weekly', 'fortnightly', 'monthly')),
    turns integer NOT NULL CHECK (turns BETWEEN 2 AND 50),
    first_due date NOT NULL,
    order_by text NOT NULL CHECK (order_by IN ('join order', 'banker', 'seats', 'lottery', 'trust')),
    fee bigint NOT NULL DEFAULT 0 CHECK (fee >= 0),
    grace_days integer NOT NULL DEFAULT 3 CHECK (grace_days >= 0),
    terms_hash text NOT NULL DEFAULT '',
    made_at timestamptz NOT NULL,
    ended_at timestamptz,
    terms_at timestamptz,  -- when a term was last changed
    version bigint NOT NULL DEFAULT 0  -- raised with every change to the circle or anything in it
);
CREATE INDEX circle_banker ON circle (banker_id);

CREATE TABLE member (
    circle text NOT NULL REFERENCES circle,
    person_id text NOT NULL REFERENCES person,
    hands integer NOT NULL CHECK (hands BETWEEN 1 AND 3),
    state text NOT NULL CHECK (state IN ('ASKED', 'IN', 'REFUSED', 'LEFT')),
    agreed_hash text NOT NULL,
    asked_at timestamptz NOT NULL,
    PRIMARY KEY (circle, person_id)
);
CREATE INDEX member_person ON member (person_id);

-- One whole hand. number: as it joined; turn: when it draws, a permutation of 1..turns.
CREATE TABLE hand (
    circle text NOT NULL REFERENCES circle,
    number integer NOT NULL CHECK (number >= 1),
    person_id text NOT NULL REFERENCES person,
    turn integer NOT NULL CHECK (turn >= 1),
    PRIMARY KEY (circle, number),
    UNIQUE (circle, turn) DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (circle, person_id) REFERENCES member (circle, person_id)
);

CREATE TABLE round (
    circle text NOT NULL REFERENCES circle,
    number integer NOT NULL CHECK (number >= 1),
    due date NOT NULL,
    grace_until date NOT NULL,
    pays_on date NOT NULL,
    state text NOT NULL CHECK (state IN ('SCHEDULED', 'OPEN', 'GRACE', 'CLOSED', 'PAYING', 'PAID', 'PAID_SHORT',
        'HELD')),
    PRIMARY KEY (circle, number)
);

-- What one hand owes in one round. Made when the round opens.
CREATE TABLE due (
    circle text NOT NULL,
    round integer NOT NULL,
    hand integer NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    paid bigint NOT NULL DEFAULT 0 CHECK (paid BETWEEN 0 AND amount),
    PRIMARY KEY (circle, round, hand),
    FOREIGN KEY (circle, round) REFERENCES round (circle, number),
    FOREIGN KEY (circle, hand) REFERENCES hand (circle, number)
);
CREATE INDEX due_open ON due (circle, round) WHERE paid < amount;

-- Money that somebody says they gave, or gave.
CREATE TABLE payment (
    receipt text PRIMARY KEY CHECK (receipt ~ '^R-[A-HJKMNP-Z2-9]{8}$'),
    circle text NOT NULL REFERENCES circle,
    person_id text NOT NULL REFERENCES person,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency IN ('JMD', 'USD')),
    rail text NOT NULL,
    state text NOT NULL CHECK (state IN ('PENDING', 'SETTLED', 'FAILED', 'DENIED', 'DISPUTED')),
    recorded_by text NOT NULL REFERENCES person,
    confirmed boolean NOT NULL DEFAULT false,
    provider_ref text,
    token_hash bytea UNIQUE,
    began_at timestamptz NOT NULL,
    settled_at timestamptz,
    UNIQUE (rail, provider_ref)
);
CREATE INDEX payment_open ON payment (circle) WHERE state = 'PENDING' OR (state = 'SETTLED' AND NOT confirmed);

-- One hand's pot of one round. gross = net + fee + offset; owed: what of net is still to come.
CREATE TABLE draw (
    circle text NOT NULL,
    round integer NOT NULL,
    hand integer NOT NULL,
    person_id text NOT NULL REFERENCES person,
    state text NOT NULL CHECK (state IN ('HELD', 'READY', 'PAYING', 'SHORT', 'DONE')),
    gross bigint NOT NULL CHECK (gross > 0),
    fee bigint NOT NULL CHECK (fee >= 0),
    fee_paid bigint NOT NULL DEFAULT 0 CHECK (fee_paid BETWEEN 0 AND fee),
    offset_throw bigint NOT NULL CHECK (offset_throw >= 0),
    offset_arrears bigint NOT NULL CHECK (offset_arrears >= 0),
    net bigint NOT NULL CHECK (net >= 0),
    paid bigint NOT NULL DEFAULT 0 CHECK (paid BETWEEN 0 AND net),
    held_for text NOT NULL DEFAULT '',
    PRIMARY KEY (circle, round),
    CHECK (net = gross - fee - offset_throw - offset_arrears),
    FOREIGN KEY (circle, round) REFERENCES round (circle, number),
    FOREIGN KEY (circle, hand) REFERENCES hand (circle, number)
);
CREATE INDEX draw_person ON draw (person_id);

-- One act of paying a draw, or what a draw was short of, or the banker's fee; two people say yes first
-- (rules.md 35). cash: what the banker hands over of the cash held. rail_amount: what goes by the rail, to the
-- person, or (via_banker) to the banker who hands that over as well.
CREATE TABLE payout (
    id text PRIMARY KEY,
    ref text NOT NULL CHECK (ref ~ '^P-[A-HJKMNP-Z2-9]{4}$'),
    circle text NOT NULL REFERENCES circle,
    round integer NOT NULL,
    kind text NOT NULL CHECK (kind IN ('draw', 'fee')),
    person_id text NOT NULL REFERENCES person,
    cash bigint NOT NULL CHECK (cash >= 0),
    rail_amount bigint NOT NULL CHECK (rail_amount >= 0),
    rail text NOT NULL,
    via_banker boolean NOT NULL,
    label text NOT NULL,
    state text NOT NULL CHECK (state IN ('ASKED', 'SENDING', 'SENT', 'FAILED', 'RECEIVED', 'PRESUMED', 'DISPUTED',
        'DROPPED')),
    started_by text NOT NULL REFERENCES person,
    approver_id text REFERENCES person,
    approved_by text REFERENCES person,
    asks smallint NOT NULL DEFAULT 1,
    provider_ref text,
    asked_at timestamptz NOT NULL,
    sent_at timestamptz,
    ended_at timestamptz,
    CHECK (cash + rail_amount > 0),
    CHECK (approved_by IS NULL OR approved_by NOT IN (person_id, started_by)),
    FOREIGN KEY (circle, round) REFERENCES draw (circle, round)
);
CREATE UNIQUE INDEX payout_ref_open ON payout (ref) WHERE state NOT IN ('RECEIVED', 'PRESUMED', 'DROPPED');
CREATE UNIQUE INDEX payout_one_open ON payout (circle, round, kind)
    WHERE state IN ('ASKED', 'SENDING', 'FAILED');
CREATE INDEX payout_circle ON payout (circle) WHERE state NOT IN ('RECEIVED', 'PRESUMED', 'DROPPED');

-- Something that staff have to look at (`QUEUE`).
CREATE TABLE ticket (
    id text PRIMARY KEY,
    ref text NOT NULL CHECK (ref ~ '^K-[A-HJKMNP-Z2-9]{4}$'),
    kind text NOT NULL CHECK (kind IN ('kyc', 'agent', 'dispute', 'payout', 'fault')),
    person_id text REFERENCES person,
    circle text REFERENCES circle,
    subject text NOT NULL DEFAULT '',
    sealed bytea,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by text REFERENCES person,
    outcome text NOT NULL DEFAULT '',
    told_at timestamptz  -- when staff last heard of one that may be added to
);
CREATE UNIQUE INDEX ticket_ref_open ON ticket (ref) WHERE closed_at IS NULL;
CREATE INDEX ticket_open ON ticket (opened_at) WHERE closed_at IS NULL;
CREATE INDEX ticket_person ON ticket (person_id) WHERE closed_at IS NULL;
CREATE INDEX ticket_circle ON ticket (circle) WHERE closed_at IS NULL;
"""

TABLES = (
    "ticket payout draw payment due round hand member circle link_code destination trn consent staff session "
    "address person"
)


def upgrade() -> None:
    """Create the tables."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP TABLE " + ", ".join(TABLES.split()))
