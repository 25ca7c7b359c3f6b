"""The database's shape over time: Alembic versions, expand first and contract a release later."""
