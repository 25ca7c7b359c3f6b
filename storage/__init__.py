"""PostgreSQL, and Redis for what may be lost. Only this package knows SQL."""
