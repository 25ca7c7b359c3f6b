"""PostgreSQL out of a Python wheel, for development and tests: `make run` needs no server installed.

Owns one server a home (`PARDNA_HOME`): where it lives (`place`), which programs it runs (`commands`), which
processes belong to it (`processes`), its life from start to stop (`server`). Must never touch a folder or a
process that is not its own. docs/decisions/embedded-postgresql.md has the reasons.
"""

from storage.embedded.place import EmbeddedError, tools
from storage.embedded.server import EmbeddedPostgres, running_url

__all__ = ["EmbeddedError", "EmbeddedPostgres", "running_url", "tools"]
