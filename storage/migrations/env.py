"""Alembic's entry: runs the versions on the connection of storage/migrate.py, in its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
