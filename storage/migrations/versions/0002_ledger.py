"""The ledger: accounts, transactions and postings, with the promises of docs/ledger.md held by the database.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
-- Balances stand in an account's own direction: assets grow by debits, liabilities by credits. The version
-- counts the account's postings. Neither is ever written by hand: the postings move them.
CREATE TABLE ledger_account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    side text NOT NULL CHECK (side IN ('asset', 'liability')),
    currency text NOT NULL CHECK (currency IN ('JMD', 'USD')),
    circle text,
    balance bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0,
    floor bigint NOT NULL DEFAULT 0,
    CONSTRAINT ledger_account_floor CHECK (balance >= floor),
    UNIQUE (id, currency)
) WITH (fillfactor = 50);
CREATE INDEX ledger_account_circle ON ledger_account (circle);

-- fingerprint: of the inputs, so that a key used again for something else is caught. xid: the database
-- transaction that wrote it, the only one that may add its postings.
CREATE TABLE ledger_transaction (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    kind text NOT NULL,
    currency text NOT NULL,
    circle text,
    at timestamptz NOT NULL,
    reverses bigint UNIQUE,
    fingerprint bytea NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (id, currency),
    FOREIGN KEY (reverses, currency) REFERENCES ledger_transaction (id, currency)
);
CREATE INDEX ledger_transaction_circle ON ledger_transaction (circle, id);

-- amount: debits above zero, credits below. A transfer has two lines: odd the debit, then the credit.
-- balance and version: those of the account after this posting.
CREATE TABLE ledger_posting (
    transaction bigint NOT NULL,
    line integer NOT NULL,
    account bigint,
    currency text NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0),
    balance bigint NOT NULL,
    version bigint,
    PRIMARY KEY (account, version),
    UNIQUE (transaction, line),
    FOREIGN KEY (transaction, currency) REFERENCES ledger_transaction (id, currency),
    FOREIGN KEY (account, currency) REFERENCES ledger_account (id, currency)
);

CREATE VIEW ledger_transfer AS
SELECT t.id, t.key, t.kind, t.currency, t.circle, t.at, original.key AS reverses, debit.line, debit.amount,
    d.name AS debit, d.side AS debit_side, d.circle AS debit_circle,
    c.name AS credit, c.side AS credit_side, c.circle AS credit_circle
FROM ledger_transaction t
LEFT JOIN ledger_transaction original ON original.id = t.reverses
JOIN ledger_posting debit ON debit.transaction = t.id AND debit.line % 2 = 1
JOIN ledger_posting credit ON credit.transaction = t.id AND credit.line = debit.line + 1
JOIN ledger_account d ON d.id = debit.account
JOIN ledger_account c ON c.id = credit.account;
"""

# Each function names its search path, so that no temporary table can stand in for a real one; and forbids
# sequential scans, because its plans are cached while the tables may still be empty.
TRIGGERS = """
CREATE FUNCTION ledger_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refused on %: the books are only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'PD007', DETAIL = TG_TABLE_NAME;
END $$;

CREATE FUNCTION ledger_account_follows() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE strayed text;
BEGIN
    SELECT a.name INTO strayed FROM changed a
    LEFT JOIN LATERAL (SELECT p.balance, p.version FROM ledger_posting p WHERE p.account = a.id
        ORDER BY p.version DESC LIMIT 1) last ON true
    WHERE a.balance <> coalesce(last.balance, 0) OR a.version <> coalesce(last.version, 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the balance of account % does not follow from its postings', strayed
            USING ERRCODE = 'PD008', DETAIL = strayed;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_transaction_whole() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE lines bigint; total numeric;
BEGIN
    SELECT count(*), sum(amount) INTO lines, total FROM ledger_posting WHERE transaction = NEW.id;
    IF lines < 2 OR total <> 0 THEN
        RAISE EXCEPTION 'transaction % does not balance: % postings, sum %', NEW.key, lines, total
            USING ERRCODE = 'PD004', DETAIL = NEW.key;
    END IF;
    IF NEW.reverses IS NOT NULL AND (
        EXISTS (SELECT FROM ledger_transaction WHERE id = NEW.reverses AND reverses IS NOT NULL)
        OR EXISTS (SELECT FROM ledger_posting WHERE transaction IN (NEW.id, NEW.reverses)
            GROUP BY account HAVING sum(amount) <> 0)
    ) THEN
        RAISE EXCEPTION 'transaction % must take back exactly one that is no reversal itself', NEW.key
            USING ERRCODE = 'PD009', DETAIL = NEW.key;
    END IF;
    RETURN NULL;
END $$;

-- A transaction gets all of its postings, numbered from 1, in one statement of the database transaction that
-- wrote it. (The numbering still holds after a restore into a cluster that counts transactions anew.) Each
-- posting goes on from where its account stands; then the accounts are moved along.
CREATE FUNCTION ledger_posting_written() RETURNS trigger LANGUAGE plpgsql
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
        SELECT a.name, a.floor, w.balance, w.version, a.version + row_number() OVER one AS next_version,
            a.balance + sum(CASE a.side WHEN 'asset' THEN w.amount ELSE -w.amount END) OVER one
                AS next_balance
        FROM written w JOIN ledger_account a ON a.id = w.account
        WINDOW one AS (PARTITION BY a.id ORDER BY w.version ROWS UNBOUNDED PRECEDING)
    ) walked
    WHERE version <> next_version OR balance <> next_balance OR balance < floor
    ORDER BY name, version LIMIT 1;
    IF FOUND AND (wrong.version <> wrong.next_version OR wrong.balance <> wrong.next_balance) THEN
        RAISE EXCEPTION 'a posting of account % is out of step: version % and balance % should be % and %',
            wrong.name, wrong.version, wrong.balance, wrong.next_version, wrong.next_balance
            USING ERRCODE = 'PD006', DETAIL = wrong.name;
    ELSIF FOUND THEN
        RAISE EXCEPTION 'account % would fall to %, below its floor of %',
            wrong.name, wrong.balance, wrong.floor
            USING ERRCODE = 'PD003', DETAIL = wrong.name;
    END IF;

    UPDATE ledger_account a SET balance = last.balance, version = last.version
    FROM (
        SELECT DISTINCT ON (account) account, balance, version FROM written ORDER BY account, version DESC
    ) last
    WHERE a.id = last.account;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_account_kept BEFORE DELETE OR TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();
CREATE TRIGGER ledger_account_same BEFORE UPDATE ON ledger_account FOR EACH ROW
    WHEN ((OLD.id, OLD.name, OLD.side, OLD.currency, OLD.circle, OLD.floor)
        IS DISTINCT FROM (NEW.id, NEW.name, NEW.side, NEW.currency, NEW.circle, NEW.floor))
    EXECUTE FUNCTION ledger_kept();
CREATE TRIGGER ledger_account_opened AFTER INSERT ON ledger_account REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_account_follows();
CREATE TRIGGER ledger_account_moved AFTER UPDATE ON ledger_account REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_account_follows();
CREATE TRIGGER ledger_transaction_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transaction
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();
CREATE CONSTRAINT TRIGGER ledger_transaction_whole AFTER INSERT ON ledger_transaction
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_transaction_whole();
CREATE TRIGGER ledger_posting_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();
CREATE TRIGGER ledger_posting_written AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_posting_written();

-- Nor does a session that plays a replica (and so skips ordinary triggers) change what is written.
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER ledger_account_kept;
ALTER TABLE ledger_account ENABLE ALWAYS TRIGGER ledger_account_same;
ALTER TABLE ledger_transaction ENABLE ALWAYS TRIGGER ledger_transaction_kept;
ALTER TABLE ledger_posting ENABLE ALWAYS TRIGGER ledger_posting_kept;
"""

# Both run as their owner: a role needs no more than EXECUTE to keep the books, and SELECT to read them.
DOORS = """
CREATE FUNCTION ledger_lock(circles text[], names text[]) RETURNS TABLE (name text, balance bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT a.name, a.balance FROM ledger_account a
    WHERE a.circle = ANY (circles) OR a.name = ANY (names) ORDER BY a.name FOR UPDATE
$$;

-- entries: [{"key", "kind", "currency", "circle", "reverses", "transfers": [{"debit", "credit", "amount"}]}],
-- debit and credit by name, reverses by key. accounts: each of those names, as
-- [{"name", "side", "currency", "circle"}]. Says of each entry, in order, if it was 'posted' or 'exists'.
CREATE FUNCTION ledger_post(entries jsonb, accounts jsonb, at timestamptz)
RETURNS TABLE (key text, outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE locked ledger_account[]; fresh bigint[]; wrong text;
BEGIN
    INSERT INTO ledger_account (name, side, currency, circle)
    SELECT a.name, a.side, a.currency, a.circle
    FROM jsonb_to_recordset(accounts) AS a (name text, side text, currency text, circle text)
    WHERE NOT EXISTS (SELECT FROM ledger_account known WHERE known.name = a.name)
    ORDER BY a.name ON CONFLICT (name) DO NOTHING;
    locked := ARRAY(SELECT a FROM ledger_account a
        WHERE a.name = ANY (ARRAY(SELECT listed ->> 'name' FROM jsonb_array_elements(accounts) listed))
        ORDER BY a.name FOR UPDATE);
    SELECT a.name INTO wrong
    FROM jsonb_to_recordset(accounts) AS a (name text, side text, currency text, circle text)
    JOIN unnest(locked) l ON l.name = a.name
    WHERE (a.side, a.currency, a.circle) IS DISTINCT FROM (l.side, l.currency, l.circle) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % is kept with another side, currency or circle', wrong
            USING ERRCODE = 'PD002', DETAIL = wrong;
    END IF;

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

REVOKE ALL ON FUNCTION ledger_lock, ledger_post FROM PUBLIC;
"""


def upgrade() -> None:
    """Create the tables, what holds their promises, and the two functions that write."""
    for script in (TABLES, TRIGGERS, DOORS):
        op.execute(script)


def downgrade() -> None:
    """Remove them."""
    op.execute("DROP FUNCTION ledger_post, ledger_lock")
    op.execute("DROP VIEW ledger_transfer")
    op.execute("DROP TABLE ledger_posting, ledger_transaction, ledger_account")
    op.execute("DROP FUNCTION ledger_posting_written, ledger_transaction_whole, ledger_account_follows, ledger_kept")
