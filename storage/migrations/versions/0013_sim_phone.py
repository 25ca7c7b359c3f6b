"""The telephone with the local SIM: when it was last heard.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SQL = """
-- One row: the phone behind the gateway. Its times are the wall clock's. battery: percent, -1 unknown.
CREATE TABLE sim_phone (
    name text PRIMARY KEY,
    heard_at timestamptz NOT NULL,
    health text NOT NULL DEFAULT '',
    battery int NOT NULL DEFAULT -1
);
"""


def upgrade() -> None:
    """Make what is new."""
    op.execute(SQL)


def downgrade() -> None:
    """Remove it."""
    op.execute("DROP TABLE sim_phone")
