"""The spine: inbox, outbox, duties, the service's clock, and the phones of the simulator.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = """
-- Everything that comes in. The key (source, external_id) is kept for ever, so a repeat is never handled twice;
-- the sealed body is erased when its turn has committed.
CREATE TABLE inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    external_id text NOT NULL,
    party text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('chat', 'status', 'event', 'duty', 'result')),
    body bytea,
    received_at timestamptz NOT NULL,
    tries smallint NOT NULL DEFAULT 0,
    retry_at timestamptz,
    done_at timestamptz,
    parked_at timestamptz,
    fault text,
    UNIQUE (source, external_id)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02);
-- (id + 0): only this index can serve the order that a claim asks for. The statistics of a queue are always of
-- another hour; led by them the planner would one day walk through everything that was ever done.
CREATE INDEX inbox_pending ON inbox ((id + 0)) WHERE done_at IS NULL AND parked_at IS NULL;
CREATE INDEX inbox_party ON inbox (party, id) WHERE done_at IS NULL AND parked_at IS NULL;
CREATE INDEX inbox_parked ON inbox (parked_at) WHERE parked_at IS NOT NULL AND done_at IS NULL;

-- Everything that goes out. One lane a recipient; only the head of a lane is ever sent.
-- not_before is the service's clock (quiet hours) and does not hold up later rows; retry_at and lease_until are
-- wall clock and do.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lane text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('say', 'collect', 'disburse')),
    key text NOT NULL UNIQUE,
    body bytea NOT NULL,
    menu boolean NOT NULL DEFAULT false,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'dead', 'dropped', 'replaced')),
    queued_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    attempted_at timestamptz,
    retry_at timestamptz,
    lease_until timestamptz,
    unknown boolean NOT NULL DEFAULT false,
    provider_id text,
    delivery smallint NOT NULL DEFAULT 0,
    fault text,
    ended_at timestamptz
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- Each network or rail (the first part of the lane) is claimed on its own, so that none holds up another.
CREATE INDEX outbox_due ON outbox (split_part(lane, ':', 1), not_before, id) WHERE state = 'queued';
CREATE INDEX outbox_lane ON outbox (lane, id) WHERE state = 'queued';
CREATE INDEX outbox_menu ON outbox (lane, id) WHERE menu;
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE INDEX outbox_provider ON outbox (provider_id) WHERE provider_id IS NOT NULL;

-- What has to happen at its time. The key makes each duty happen once, whoever files it.
CREATE TABLE duty (
    key text PRIMARY KEY,
    due_at timestamptz NOT NULL,
    party text NOT NULL,
    kind text NOT NULL,
    body jsonb NOT NULL DEFAULT '{}',
    filed_at timestamptz
);
CREATE INDEX duty_due ON duty (due_at, key) WHERE filed_at IS NULL;

-- How far the service's clock was moved ahead (development only).
CREATE TABLE service_clock (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    ahead interval NOT NULL DEFAULT '0'
);
INSERT INTO service_clock DEFAULT VALUES;

-- What reached the simulator's phones.
CREATE TABLE sim_message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    channel text NOT NULL,
    address text NOT NULL,
    body jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX sim_message_phone ON sim_message (channel, address, id);
"""


def upgrade() -> None:
    """Create the tables."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP TABLE sim_message, service_clock, duty, outbox, inbox")
