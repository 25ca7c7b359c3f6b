"""Transactions of one call of `ledger_post` may each have a time of its own.

What a batch of the desk posts came in at many moments; a call for each of them cost more than all the rest.

Revision ID: 0016
Revises: 0011
"""

import re
import runpy
from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0011"
branch_labels = None
depends_on = None

OWN_TIME = "coalesce((e ->> 'at')::timestamptz, ledger_post.at)"
SAME = "(e - 'at')::text"
"""The same again at another time is the same: the time is no part of what is kept as the inputs' hash."""


def _before() -> str:
    """Return the function as 0004 made it."""
    doors = runpy.run_path(str(Path(__file__).with_name("0004_pending.py")))["DOORS"]
    found = re.search(r"CREATE OR REPLACE FUNCTION ledger_post\(.*?END \$\$;", doors, re.DOTALL)
    if found is None:
        raise LookupError("0004 makes no ledger_post")
    return found.group()


def upgrade() -> None:
    """Let an entry have "at"; one without it has the time of the call, as before."""
    head, body = _before().split("BEGIN\n", 1)
    op.execute(f"{head}BEGIN\n{body.replace('ledger_post.at', OWN_TIME).replace('e::text', SAME)}")


def downgrade() -> None:
    """Put back what was there before."""
    op.execute(_before())
