"""Who wrote is answered before anybody gets a notice: the order in which relays take what is due.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

UP = """
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (split_part(lane, ':', 1), (notice IS NOT NULL), not_before, id)
    WHERE state = 'queued';
"""
DOWN = """
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (split_part(lane, ':', 1), not_before, id) WHERE state = 'queued';
"""


def upgrade() -> None:
    """Sort what waits by whether somebody waits for it."""
    op.execute(UP)


def downgrade() -> None:
    """Sort it by its time alone."""
    op.execute(DOWN)
