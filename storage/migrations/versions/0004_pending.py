"""The ledger's transfers in two steps, accounts' own floors, and the role that may only write through the doors.

Revision ID: 0004
Revises: 0003
"""

import re
import runpy
from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROLE = "pardna_app"

# What 0002 opened with a floor of zero before an account could have another: the outside carriers' rails.
FLOORS = """
ALTER TABLE ledger_account DISABLE TRIGGER ledger_account_same;
UPDATE ledger_account SET floor = -1000000000000000 WHERE name ~ '^rail:(stripe|powertranz|ncb|scotia|lynk):';
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER ledger_account_same;
"""

TABLES = """
-- held: the sum of what is held on the account, and hold_version the number of its lines in ledger_held. Both are
-- moved by those lines alone. Available is the balance without what is held.
ALTER TABLE ledger_account
    ADD COLUMN held bigint NOT NULL DEFAULT 0,
    ADD COLUMN hold_version bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT ledger_account_floor,
    ADD CONSTRAINT ledger_account_floor CHECK (balance - held >= floor);
-- For the check of what is new.
CREATE INDEX ledger_transaction_xid ON ledger_transaction (xid);

-- The first step. Numbered with the transactions, so that one order covers both.
CREATE TABLE ledger_hold (
    id bigint PRIMARY KEY DEFAULT nextval('ledger_transaction_id_seq'),
    key text NOT NULL UNIQUE,
    kind text NOT NULL,
    currency text NOT NULL,
    circle text,
    at timestamptz NOT NULL,
    debit bigint NOT NULL,
    credit bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    fingerprint bytea NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK (debit <> credit),
    FOREIGN KEY (debit, currency) REFERENCES ledger_account (id, currency),
    FOREIGN KEY (credit, currency) REFERENCES ledger_account (id, currency)
);
CREATE INDEX ledger_hold_circle ON ledger_hold (circle, id);
CREATE INDEX ledger_hold_xid ON ledger_hold (xid);

-- The second and last step: posted by a transaction, or voided (none).
CREATE TABLE ledger_resolution (
    hold bigint PRIMARY KEY REFERENCES ledger_hold,
    transaction bigint UNIQUE,
    at timestamptz NOT NULL,
    id bigint NOT NULL DEFAULT nextval('ledger_transaction_id_seq'),
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX ledger_resolution_xid ON ledger_resolution (xid);

-- To a hold's accounts what postings are to a transaction's: amount above zero when it is taken, below when it is
-- let go; held and version: those of the account after this line. Its trigger refuses whatever a hold or a
-- resolution did not bring about, a NULL too.
CREATE TABLE ledger_held (
    account bigint,
    version bigint,
    hold bigint,
    amount bigint,
    held bigint,
    PRIMARY KEY (account, version),
    UNIQUE (hold, account, amount)
);

-- On which accounts a hold holds: those it would lower.
CREATE VIEW ledger_reserved AS
SELECT h.id AS hold, h.key, h.amount, a.id AS account
FROM ledger_hold h
CROSS JOIN LATERAL (VALUES (h.debit, 'liability'), (h.credit, 'asset')) AS leg (account, side)
JOIN ledger_account a ON a.id = leg.account AND a.side = leg.side;

CREATE OR REPLACE VIEW ledger_transfer AS
SELECT t.id, t.key, t.kind, t.currency, t.circle, t.at, original.key AS reverses, debit.line, debit.amount,
    d.name AS debit, d.side AS debit_side, d.circle AS debit_circle,
    c.name AS credit, c.side AS credit_side, c.circle AS credit_circle,
    h.key AS resolves, d.floor AS debit_floor, c.floor AS credit_floor
FROM ledger_transaction t
LEFT JOIN ledger_transaction original ON original.id = t.reverses
LEFT JOIN ledger_resolution r ON r.transaction = t.id
LEFT JOIN ledger_hold h ON h.id = r.hold
JOIN ledger_posting debit ON debit.transaction = t.id AND debit.line % 2 = 1
JOIN ledger_posting credit ON credit.transaction = t.id AND credit.line = debit.line + 1
JOIN ledger_account d ON d.id = debit.account
JOIN ledger_account c ON c.id = credit.account;
"""

TRIGGERS = """
-- As in 0002, but what is held is not there to be spent.
CREATE OR REPLACE FUNCTION ledger_posting_written() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE wrong record;
BEGIN
    SELECT t.key INTO wrong
    FROM (
        SELECT transaction, min(line) AS first, max(line) AS last, count(*) AS lines FROM written GROUP BY 1
    ) w JOIN ledger_transaction t ON t.id = w.transaction
    WHERE t.xid <> pg_current_xact_id() OR w.first <> 1 OR w.last <> w.lines LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transaction % is closed: its postings are written once, all together', wrong.key
            USING ERRCODE = 'PD005', DETAIL = wrong.key;
    END IF;

    SELECT * INTO wrong FROM (
        SELECT a.name, a.floor, a.held, w.balance, w.version, a.version + row_number() OVER one AS next_version,
            a.balance + sum(CASE a.side WHEN 'asset' THEN w.amount ELSE -w.amount END) OVER one
                AS next_balance
        FROM written w JOIN ledger_account a ON a.id = w.account
        WINDOW one AS (PARTITION BY a.id ORDER BY w.version ROWS UNBOUNDED PRECEDING)
    ) walked
    WHERE version <> next_version OR balance <> next_balance OR balance - held < floor
    ORDER BY name, version LIMIT 1;
    IF FOUND AND (wrong.version <> wrong.next_version OR wrong.balance <> wrong.next_balance) THEN
        RAISE EXCEPTION 'a posting of account % is out of step: version % and balance % should be % and %',
            wrong.name, wrong.version, wrong.balance, wrong.next_version, wrong.next_balance
            USING ERRCODE = 'PD006', DETAIL = wrong.name;
    ELSIF FOUND THEN
        RAISE EXCEPTION 'account % would fall to %, below its floor of %', wrong.name, wrong.balance,
            wrong.floor || CASE WHEN wrong.held > 0 THEN format(' with %s held', wrong.held) ELSE '' END
            USING ERRCODE = 'PD003', DETAIL = wrong.name;
    END IF;

    UPDATE ledger_account a SET balance = last.balance, version = last.version
    FROM (
        SELECT DISTINCT ON (account) account, balance, version FROM written ORDER BY account, version DESC
    ) last
    WHERE a.id = last.account;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_account_held_follows() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE last record;
BEGIN
    SELECT held, version INTO last FROM ledger_held WHERE account = NEW.id ORDER BY version DESC LIMIT 1;
    IF NEW.held <> coalesce(last.held, 0) OR NEW.hold_version <> coalesce(last.version, 0) THEN
        RAISE EXCEPTION 'what is held on account % does not follow from its holds', NEW.name
            USING ERRCODE = 'PD008', DETAIL = NEW.name;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_hold_written() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO ledger_held (account, version, hold, amount, held)
    SELECT a.id, a.hold_version + row_number() OVER one, w.id, w.amount, a.held + sum(w.amount) OVER one
    FROM written w JOIN ledger_reserved r ON r.hold = w.id JOIN ledger_account a ON a.id = r.account
    WINDOW one AS (PARTITION BY a.id ORDER BY w.id ROWS UNBOUNDED PRECEDING);
    RETURN NULL;
END $$;

-- A hold is posted by a transaction of this very database transaction: no old one is passed off as it.
CREATE FUNCTION ledger_resolution_written() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE wrong text;
BEGIN
    SELECT h.key INTO wrong FROM written w JOIN ledger_hold h ON h.id = w.hold
    LEFT JOIN ledger_transaction t ON t.id = w.transaction
    WHERE w.transaction IS NOT NULL AND t.xid IS DISTINCT FROM pg_current_xact_id() LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'hold % is not resolved by the transaction that is written with it', wrong
            USING ERRCODE = 'PD005', DETAIL = wrong;
    END IF;

    INSERT INTO ledger_held (account, version, hold, amount, held)
    SELECT a.id, a.hold_version + row_number() OVER one, r.hold, -r.amount, a.held - sum(r.amount) OVER one
    FROM written w JOIN ledger_reserved r ON r.hold = w.hold JOIN ledger_account a ON a.id = r.account
    WINDOW one AS (PARTITION BY a.id ORDER BY w.hold ROWS UNBOUNDED PRECEDING);
    RETURN NULL;
END $$;

-- Its postings come after the resolution has let go of what they move.
CREATE FUNCTION ledger_resolution_whole() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE wrong text;
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger_hold h
        JOIN ledger_posting d ON d.transaction = NEW.transaction AND d.line = 1
            AND d.account = h.debit AND d.amount BETWEEN 1 AND h.amount
        JOIN ledger_posting c ON c.transaction = NEW.transaction AND c.line = 2 AND c.account = h.credit
        WHERE h.id = NEW.hold
    ) OR EXISTS (SELECT FROM ledger_posting WHERE transaction = NEW.transaction AND line = 3) THEN
        SELECT t.key INTO wrong FROM ledger_transaction t WHERE t.id = NEW.transaction;
        RAISE EXCEPTION 'transaction % must move what it resolves, or part of it, and nothing else', wrong
            USING ERRCODE = 'PD010', DETAIL = coalesce(wrong, '');
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_held_written() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE wrong record;
BEGIN
    SELECT * INTO wrong FROM (
        SELECT w.amount, w.version, w.held, a.name, a.balance, a.floor,
            CASE WHEN w.amount > 0 THEN r.amount WHEN s.hold IS NOT NULL THEN -r.amount END AS next_amount,
            a.hold_version + row_number() OVER one AS next_version,
            a.held + sum(w.amount) OVER one AS next_held
        FROM written w
        LEFT JOIN ledger_reserved r ON r.hold = w.hold AND r.account = w.account
        LEFT JOIN ledger_resolution s ON s.hold = w.hold
        LEFT JOIN ledger_account a ON a.id = w.account
        WINDOW one AS (PARTITION BY w.account ORDER BY w.version ROWS UNBOUNDED PRECEDING)
    ) walked
    WHERE (amount = next_amount AND version = next_version AND held = next_held) IS NOT TRUE
        OR balance - held < floor
    ORDER BY name, version LIMIT 1;
    IF FOUND AND (wrong.amount = wrong.next_amount AND wrong.version = wrong.next_version
        AND wrong.held = wrong.next_held) IS NOT TRUE THEN
        RAISE EXCEPTION 'what is held on account % is out of step with its holds', wrong.name
            USING ERRCODE = 'PD006', DETAIL = coalesce(wrong.name, '');
    ELSIF FOUND THEN
        RAISE EXCEPTION 'account % at % cannot hold %, with its floor of %',
            wrong.name, wrong.balance, wrong.held, wrong.floor
            USING ERRCODE = 'PD003', DETAIL = wrong.name;
    END IF;

    UPDATE ledger_account a SET held = last.held, hold_version = last.version
    FROM (SELECT DISTINCT ON (account) account, held, version FROM written ORDER BY account, version DESC) last
    WHERE a.id = last.account;
    RETURN NULL;
END $$;

-- The conditions keep these off the path of a posting.
CREATE TRIGGER ledger_account_held_opened AFTER INSERT ON ledger_account FOR EACH ROW
    WHEN (NEW.held <> 0 OR NEW.hold_version <> 0) EXECUTE FUNCTION ledger_account_held_follows();
CREATE TRIGGER ledger_account_held_moved AFTER UPDATE ON ledger_account FOR EACH ROW
    WHEN ((OLD.held, OLD.hold_version) IS DISTINCT FROM (NEW.held, NEW.hold_version))
    EXECUTE FUNCTION ledger_account_held_follows();
CREATE TRIGGER ledger_hold_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();
CREATE TRIGGER ledger_hold_written AFTER INSERT ON ledger_hold REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_hold_written();
CREATE TRIGGER ledger_resolution_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_resolution
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();
CREATE TRIGGER ledger_resolution_written AFTER INSERT ON ledger_resolution REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_resolution_written();
CREATE CONSTRAINT TRIGGER ledger_resolution_whole AFTER INSERT ON ledger_resolution
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.transaction IS NOT NULL)
    EXECUTE FUNCTION ledger_resolution_whole();
CREATE TRIGGER ledger_held_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_held
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();
CREATE TRIGGER ledger_held_written AFTER INSERT ON ledger_held REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_held_written();
ALTER TABLE ledger_hold ENABLE ALWAYS TRIGGER ledger_hold_kept;
ALTER TABLE ledger_resolution ENABLE ALWAYS TRIGGER ledger_resolution_kept;
ALTER TABLE ledger_held ENABLE ALWAYS TRIGGER ledger_held_kept;
"""

DOORS = """
DROP FUNCTION ledger_lock;
CREATE FUNCTION ledger_lock(circles text[], names text[]) RETURNS TABLE (name text, balance bigint, available bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT a.name, a.balance, a.balance - a.held FROM ledger_account a
    WHERE a.circle = ANY (circles) OR a.name = ANY (names) ORDER BY a.name FOR UPDATE
$$;

-- accounts: [{"name", "side", "currency", "circle", "floor"}] (none: zero). Opens what is not there, locks all in
-- the order of their names, and refuses what is kept otherwise. Runs in the settings of the door that calls it.
CREATE FUNCTION ledger_open(accounts jsonb) RETURNS ledger_account[] LANGUAGE plpgsql AS $$
DECLARE locked ledger_account[]; wrong text;
BEGIN
    INSERT INTO ledger_account (name, side, currency, circle, floor)
    SELECT a.name, a.side, a.currency, a.circle, coalesce(a.floor, 0)
    FROM jsonb_to_recordset(accounts) AS a (name text, side text, currency text, circle text, floor bigint)
    WHERE NOT EXISTS (SELECT FROM ledger_account known WHERE known.name = a.name)
    ORDER BY a.name ON CONFLICT (name) DO NOTHING;
    locked := ARRAY(SELECT a FROM ledger_account a
        WHERE a.name = ANY (ARRAY(SELECT listed ->> 'name' FROM jsonb_array_elements(accounts) listed))
        ORDER BY a.name FOR UPDATE);
    SELECT a.name INTO wrong
    FROM jsonb_to_recordset(accounts) AS a (name text, side text, currency text, circle text, floor bigint)
    JOIN unnest(locked) l ON l.name = a.name
    WHERE (a.side, a.currency, a.circle, coalesce(a.floor, 0))
        IS DISTINCT FROM (l.side, l.currency, l.circle, l.floor) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % is kept with another side, currency, circle or floor', wrong
            USING ERRCODE = 'PD002', DETAIL = wrong;
    END IF;
    RETURN locked;
END $$;

-- As in 0002, and an entry may have "resolves", the key of a hold: all that a call resolves is let go of before
-- its first posting.
CREATE OR REPLACE FUNCTION ledger_post(entries jsonb, accounts jsonb, at timestamptz)
RETURNS TABLE (key text, outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE locked ledger_account[]; fresh bigint[]; wrong text; missing boolean;
BEGIN
    locked := ledger_open(accounts);

    SELECT e ->> 'key' INTO wrong FROM jsonb_array_elements(entries) e
    WHERE e ->> 'reverses' IS NOT NULL
        AND NOT EXISTS (SELECT FROM ledger_transaction t WHERE t.key = e ->> 'reverses') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transaction % takes back one that is not there', wrong
            USING ERRCODE = 'PD009', DETAIL = wrong;
    END IF;
    -- Ids in the order given, rows in the order of their keys, so that two batches never wait for each other.
    WITH entry AS MATERIALIZED (
        SELECT nextval('ledger_transaction_id_seq') AS id, place, e ->> 'key' AS key, e
        FROM jsonb_array_elements(entries) WITH ORDINALITY AS given (e, place)
    ), written AS (
        INSERT INTO ledger_transaction (id, key, kind, currency, circle, at, reverses, fingerprint)
        OVERRIDING SYSTEM VALUE
        SELECT id, key, e ->> 'kind', e ->> 'currency', e ->> 'circle', ledger_post.at,
            (SELECT t.id FROM ledger_transaction t WHERE t.key = e ->> 'reverses'),
            sha256(convert_to(e::text, 'UTF8'))
        FROM entry ORDER BY key ON CONFLICT (key) DO NOTHING RETURNING id
    )
    SELECT array_agg(written.id ORDER BY place) INTO fresh
    FROM entry LEFT JOIN written ON written.id = entry.id;
    SELECT t.key INTO wrong
    FROM jsonb_array_elements(entries) e JOIN ledger_transaction t ON t.key = e ->> 'key'
    WHERE t.fingerprint <> sha256(convert_to(e::text, 'UTF8')) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'key % was used before for another transaction', wrong
            USING ERRCODE = 'PD001', DETAIL = wrong;
    END IF;

    IF entries @? '$[*].resolves' THEN
        INSERT INTO ledger_resolution (hold, transaction, at)
        SELECT h.id, fresh[place], ledger_post.at
        FROM jsonb_array_elements(entries) WITH ORDINALITY AS given (e, place)
        JOIN ledger_hold h ON h.key = e ->> 'resolves'
        WHERE fresh[place] IS NOT NULL ORDER BY place ON CONFLICT (hold) DO NOTHING;
        SELECT h.id IS NULL, CASE WHEN h.id IS NULL THEN e ->> 'key' ELSE h.key END INTO missing, wrong
        FROM jsonb_array_elements(entries) WITH ORDINALITY AS given (e, place)
        LEFT JOIN ledger_hold h ON h.key = e ->> 'resolves'
        LEFT JOIN ledger_resolution r ON r.hold = h.id
        WHERE fresh[place] IS NOT NULL AND e ->> 'resolves' IS NOT NULL
            AND r.transaction IS DISTINCT FROM fresh[place] LIMIT 1;
        IF FOUND AND missing THEN
            RAISE EXCEPTION 'transaction % resolves a hold that is not there', wrong
                USING ERRCODE = 'PD010', DETAIL = wrong;
        ELSIF FOUND THEN
            RAISE EXCEPTION 'hold % was resolved before', wrong USING ERRCODE = 'PD011', DETAIL = wrong;
        END IF;
    END IF;

    INSERT INTO ledger_posting (transaction, line, account, currency, amount, balance, version)
    SELECT fresh[place], leg.line, a.id, e ->> 'currency', leg.amount,
        a.balance + sum(CASE a.side WHEN 'asset' THEN leg.amount ELSE -leg.amount END) OVER one,
        a.version + row_number() OVER one
    FROM jsonb_array_elements(entries) WITH ORDINALITY AS given (e, place)
    CROSS JOIN LATERAL jsonb_array_elements(e -> 'transfers') WITH ORDINALITY AS listed (transfer, number)
    CROSS JOIN LATERAL (VALUES
        (2 * number - 1, transfer ->> 'debit', (transfer ->> 'amount')::bigint),
        (2 * number, transfer ->> 'credit', -(transfer ->> 'amount')::bigint)) AS leg (line, name, amount)
    JOIN unnest(locked) a ON a.name = leg.name
    WHERE fresh[place] IS NOT NULL
    WINDOW one AS (PARTITION BY a.id ORDER BY place, leg.line ROWS UNBOUNDED PRECEDING);
    RETURN QUERY SELECT e ->> 'key', CASE WHEN fresh[place] IS NULL THEN 'exists' ELSE 'posted' END
    FROM jsonb_array_elements(entries) WITH ORDINALITY AS given (e, place) ORDER BY place;
END $$;

-- entries: [{"key", "kind", "currency", "circle", "debit", "credit", "amount"}], debit and credit by name;
-- accounts as for ledger_post. Says of each entry, in order, if it was 'held' or 'exists'.
CREATE FUNCTION ledger_reserve(entries jsonb, accounts jsonb, at timestamptz)
RETURNS TABLE (key text, outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE locked ledger_account[]; fresh bigint[]; wrong text;
BEGIN
    locked := ledger_open(accounts);
    WITH entry AS MATERIALIZED (
        SELECT nextval('ledger_transaction_id_seq') AS id, place, e ->> 'key' AS key, e
        FROM jsonb_array_elements(entries) WITH ORDINALITY AS given (e, place)
    ), written AS (
        INSERT INTO ledger_hold (id, key, kind, currency, circle, at, debit, credit, amount, fingerprint)
        SELECT entry.id, key, e ->> 'kind', e ->> 'currency', e ->> 'circle', ledger_reserve.at, d.id, c.id,
            (e ->> 'amount')::bigint, sha256(convert_to(e::text, 'UTF8'))
        FROM entry
        LEFT JOIN unnest(locked) d ON d.name = e ->> 'debit'
        LEFT JOIN unnest(locked) c ON c.name = e ->> 'credit'
        ORDER BY key ON CONFLICT (key) DO NOTHING RETURNING id
    )
    SELECT array_agg(written.id ORDER BY place) INTO fresh
    FROM entry LEFT JOIN written ON written.id = entry.id;
    SELECT h.key INTO wrong
    FROM jsonb_array_elements(entries) e JOIN ledger_hold h ON h.key = e ->> 'key'
    WHERE h.fingerprint <> sha256(convert_to(e::text, 'UTF8')) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'key % was used before for another hold', wrong USING ERRCODE = 'PD001', DETAIL = wrong;
    END IF;
    RETURN QUERY SELECT e ->> 'key', CASE WHEN fresh[place] IS NULL THEN 'exists' ELSE 'held' END
    FROM jsonb_array_elements(entries) WITH ORDINALITY AS given (e, place) ORDER BY place;
END $$;

-- A hold that is written while this waits for a lock is not found: its accounts would not be among the locked.
CREATE FUNCTION ledger_void(keys text[], at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE found_holds ledger_hold[]; wrong text;
BEGIN
    found_holds := ARRAY(SELECT h FROM ledger_hold h WHERE h.key = ANY (keys));
    SELECT asked INTO wrong FROM unnest(keys) asked
    WHERE NOT EXISTS (SELECT FROM unnest(found_holds) h WHERE h.key = asked) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'there is no hold %', wrong USING ERRCODE = 'PD010', DETAIL = wrong;
    END IF;
    PERFORM FROM ledger_account a
    WHERE a.id = ANY (ARRAY(SELECT unnest(ARRAY[h.debit, h.credit]) FROM unnest(found_holds) h))
    ORDER BY a.name FOR UPDATE;
    INSERT INTO ledger_resolution (hold, at) SELECT h.id, ledger_void.at FROM unnest(found_holds) h
    ORDER BY h.id ON CONFLICT (hold) DO NOTHING;
    SELECT h.key INTO wrong FROM unnest(found_holds) h JOIN ledger_resolution r ON r.hold = h.id
    WHERE r.transaction IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'hold % was resolved before', wrong USING ERRCODE = 'PD011', DETAIL = wrong;
    END IF;
END $$;

REVOKE ALL ON FUNCTION ledger_lock, ledger_open, ledger_post, ledger_reserve, ledger_void FROM PUBLIC;
"""

# The service's role: it writes the books through the doors alone, and everything else as it likes. The owner may
# call ledger_admit at any time: when the role was made later, and after a release that adds a ledger table.
ACCESS = """
CREATE FUNCTION ledger_admit() RETURNS boolean LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE kept record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        RETURN false;
    END IF;
    GRANT USAGE ON SCHEMA public TO {role};
    FOR kept IN
        SELECT c.oid::regclass AS name, relkind, relname LIKE 'ledger\\_%' AS books, relname = 'alembic_version' AS ours
        FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM {role}', kept.name);
        EXECUTE CASE
            WHEN kept.relkind = 'S' AND kept.books THEN 'SELECT'
            WHEN kept.relkind = 'S' THEN format('GRANT USAGE ON SEQUENCE %s TO {role}', kept.name)
            WHEN kept.books OR kept.ours THEN format('GRANT SELECT ON %s TO {role}', kept.name)
            ELSE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {role}', kept.name)
        END;
    END LOOP;
    GRANT EXECUTE ON FUNCTION ledger_lock, ledger_post, ledger_reserve, ledger_void TO {role};
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {role};
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION ledger_admit FROM PUBLIC;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE NOTICE 'role {role} was not made: see docs/ledger.md';
    WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of this server was quicker
END $$;
SELECT ledger_admit();
"""

# The role is the server's, not the database's, and stays.
NO_ACCESS = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {role};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {role};
        REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
        REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role};
        REVOKE USAGE ON SCHEMA public FROM {role};
    END IF;
END $$;
DROP FUNCTION ledger_admit;
"""

BACK = """
DROP FUNCTION ledger_void, ledger_reserve, ledger_post, ledger_open, ledger_lock;
DROP VIEW ledger_transfer, ledger_reserved;
DROP TRIGGER ledger_account_held_opened ON ledger_account;
DROP TRIGGER ledger_account_held_moved ON ledger_account;
DROP TABLE ledger_held, ledger_resolution, ledger_hold;
DROP FUNCTION ledger_held_written, ledger_resolution_whole, ledger_resolution_written, ledger_hold_written,
    ledger_account_held_follows;
DROP INDEX ledger_transaction_xid;
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_floor, DROP COLUMN held, DROP COLUMN hold_version,
    ADD CONSTRAINT ledger_account_floor CHECK (balance >= floor);
"""


def upgrade() -> None:
    """Add the holds, move the functions on, and let the service's role in."""
    for script in (TABLES, FLOORS, TRIGGERS, DOORS, ACCESS.format(role=ROLE)):
        op.execute(script)


def downgrade() -> None:
    """Take the role's rights and the holds away, and put back what 0002 made. Accounts keep their floors."""
    before = runpy.run_path(str(Path(__file__).with_name("0002_ledger.py")))
    view = before["TABLES"][before["TABLES"].index("CREATE VIEW ledger_transfer") :]
    written = re.search(r"CREATE FUNCTION ledger_posting_written.*?END \$\$;", before["TRIGGERS"], re.DOTALL)
    if written is None:
        raise LookupError("0002 makes no ledger_posting_written")
    replaced = written.group().replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    for script in (NO_ACCESS.format(role=ROLE), BACK, view, replaced, before["DOORS"]):
        op.execute(script)
