"""The books as chains: lines sealed in batches, heads, salts, and which marks were told to whom.

Revision ID: 0033
Revises: 0035
"""

import runpy
from pathlib import Path

from alembic import op

revision = "0033"
down_revision = "0035"
branch_labels = None
depends_on = None

TABLES = """
-- Each transfer of the books once, in the order in which it was sealed. said: what is hashed (docs/proof.md).
CREATE TABLE ledger_line (
    book text,
    n bigint,
    transaction bigint NOT NULL,
    line integer NOT NULL,
    said text NOT NULL,
    PRIMARY KEY (book, n),
    UNIQUE (transaction, line)
);

-- A book after so many lines. link, peaks: from where its chain and its tree go on.
CREATE TABLE ledger_head (
    book text,
    lines bigint,
    link bytea NOT NULL,
    peaks bytea NOT NULL,
    head bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (book, lines)
);
CREATE TRIGGER ledger_line_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_line
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();
CREATE TRIGGER ledger_head_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_kept();
ALTER TABLE ledger_line ENABLE ALWAYS TRIGGER ledger_line_kept;
ALTER TABLE ledger_head ENABLE ALWAYS TRIGGER ledger_head_kept;

-- By what a person is hashed in the texts of lines; NULL: erased, and never made anew.
CREATE TABLE person_salt (
    person text PRIMARY KEY,
    salt bytea
);

-- One row, held by whoever seals. mark: before which of this server's transactions all are sealed.
CREATE TABLE sealing (
    mark bigint NOT NULL
);
CREATE UNIQUE INDEX sealing_one ON sealing ((true));
INSERT INTO sealing (mark) VALUES (0);

-- Which marks of a circle's book stand in the messages to whom.
CREATE TABLE told_mark (
    circle text NOT NULL REFERENCES circle,
    person_id text NOT NULL REFERENCES person,
    lines bigint NOT NULL,
    mark text NOT NULL CHECK (mark ~ '^[A-Z2-9]{8}$'),
    told_at timestamptz NOT NULL,
    PRIMARY KEY (circle, person_id, lines, mark)
);
CREATE INDEX told_mark_person ON told_mark (person_id);

ALTER TABLE document DROP CONSTRAINT document_kind_check,
    ADD CONSTRAINT document_kind_check CHECK (kind IN ('card', 'statement', 'enclosure', 'book'));
"""

# entries: [{"book", "from", "lines": [{"transaction", "line", "said"}], "link", "peaks", "head"}], hashes in hex. Each
# goes on from the last line of its book (`from` lines before), or nothing is written at all.
DOOR = """
CREATE FUNCTION ledger_seal(entries jsonb, at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE wrong text;
BEGIN
    SELECT e ->> 'book' INTO wrong FROM jsonb_array_elements(entries) e
    WHERE (e ->> 'from')::bigint <> (SELECT coalesce(max(n), 0) FROM ledger_line l WHERE l.book = e ->> 'book') LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'book % was sealed further meanwhile', wrong USING ERRCODE = 'PD012', DETAIL = wrong;
    END IF;
    INSERT INTO ledger_line (book, n, transaction, line, said)
    SELECT e ->> 'book', (e ->> 'from')::bigint + place, (l ->> 'transaction')::bigint, (l ->> 'line')::integer,
        l ->> 'said'
    FROM jsonb_array_elements(entries) e
    CROSS JOIN LATERAL jsonb_array_elements(e -> 'lines') WITH ORDINALITY AS listed (l, place);
    INSERT INTO ledger_head (book, lines, link, peaks, head, sealed_at)
    SELECT e ->> 'book', (e ->> 'from')::bigint + jsonb_array_length(e -> 'lines'), decode(e ->> 'link', 'hex'),
        decode(e ->> 'peaks', 'hex'), decode(e ->> 'head', 'hex'), ledger_seal.at
    FROM jsonb_array_elements(entries) e;
END $$;
REVOKE ALL ON FUNCTION ledger_seal FROM PUBLIC;
"""


def _admit(doors: str) -> str:
    """Return the function that lets the service's role in, with these doors beside those of 0004."""
    before = runpy.run_path(str(Path(__file__).with_name("0004_pending.py")))
    whole = str(before["ACCESS"]).format(role=before["ROLE"])
    made = whole[: whole.index("END $$;") + len("END $$;")]
    return made.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace("ledger_void TO", f"{doors} TO")


def upgrade() -> None:
    """Make what is new, and let the service through its door."""
    for script in (TABLES, DOOR, _admit("ledger_void, ledger_seal"), "SELECT ledger_admit()"):
        op.execute(script)


def downgrade() -> None:
    """Remove it."""
    op.execute("DELETE FROM document WHERE kind = 'book'")
    op.execute("""
        ALTER TABLE document DROP CONSTRAINT document_kind_check,
            ADD CONSTRAINT document_kind_check CHECK (kind IN ('card', 'statement', 'enclosure'))
    """)
    op.execute(_admit("ledger_void"))
    op.execute("DROP FUNCTION ledger_seal; DROP TABLE told_mark, sealing, person_salt, ledger_head, ledger_line")
