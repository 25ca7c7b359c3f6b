"""Files that people send.

Revision ID: 0021
Revises: 0027
"""

from alembic import op

revision = "0021"
down_revision = "0027"
branch_labels = None
depends_on = None

SQL = """
-- A picture or a document that somebody sent, with the line of the queue that it lies with.
CREATE TABLE enclosure (
    id text PRIMARY KEY,
    person_id text NOT NULL REFERENCES person,
    ticket_id text NOT NULL REFERENCES ticket,
    mime text NOT NULL,
    size_bytes bigint NOT NULL CHECK (size_bytes > 0),
    scanned boolean NOT NULL,
    kept_at timestamptz NOT NULL
);
CREATE INDEX enclosure_ticket ON enclosure (ticket_id);
CREATE INDEX enclosure_person ON enclosure (person_id, kept_at);

-- Its content, sealed: there before the row above, since it is got outside of every transaction of the desk.
CREATE TABLE enclosure_content (
    id text PRIMARY KEY,
    sealed bytea NOT NULL,
    fetched_at timestamptz NOT NULL
);
ALTER TABLE enclosure_content ALTER sealed SET STORAGE EXTERNAL;
CREATE INDEX enclosure_content_fetched ON enclosure_content (fetched_at);

ALTER TABLE document DROP CONSTRAINT document_kind_check, ALTER circle DROP NOT NULL,
    ADD CONSTRAINT document_kind_check CHECK (kind IN ('card', 'statement', 'enclosure'));

ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
    CHECK (kind IN (
        'say', 'tap', 'look', 'collect', 'capture', 'refund', 'disburse', 'enquire', 'event', 'fetch'));
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DELETE FROM outbox WHERE kind = 'fetch'")
    op.execute("""
        ALTER TABLE outbox DROP CONSTRAINT outbox_kind_check, ADD CONSTRAINT outbox_kind_check
            CHECK (kind IN ('say', 'tap', 'look', 'collect', 'capture', 'refund', 'disburse', 'enquire', 'event'))
    """)
    op.execute("DELETE FROM document WHERE kind = 'enclosure'")
    op.execute("""
        ALTER TABLE document DROP CONSTRAINT document_kind_check, ALTER circle SET NOT NULL,
            ADD CONSTRAINT document_kind_check CHECK (kind IN ('card', 'statement'))
    """)
    op.execute("DROP TABLE enclosure_content, enclosure")
