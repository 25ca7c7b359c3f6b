"""The command line `pardna`: exit status 0 done, 1 refused or found wrong, 2 bad usage."""

import argparse
import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bot.commands import partners, payouts, rates, statements
from bot.config import Settings, SettingsError
from bot.place import ROLES
from bot.telemetry import start_logging
from domain.messages import Channel
from domain.people import Role
from storage.embedded import EmbeddedError
from storage.vault import new_keys

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def _roles(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not chosen or (wrong := set(chosen) - set(ROLES)):
        raise argparse.ArgumentTypeError(f"roles are {', '.join(ROLES)}, not {', '.join(sorted(wrong or {text}))}")
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pardna", description="Digital Pardna: savings circles run in chat.")
    words = parser.add_subparsers(dest="word", required=True)
    run = words.add_parser("serve", help="run the service")
    run.add_argument("--role", type=_roles, default=ROLES, help="web,desk,relay,keeper (all)")
    run.add_argument("--port", type=int, help="where to listen (PORT, or 8080)")
    run.add_argument("--workers", type=int, default=1, help="processes that share the port")
    words.add_parser("migrate", help="bring the database to this release")
    words.add_parser("demo", help="a whole circle in the terminal, from NEW to the last draw")
    talk = words.add_parser("chat", help="talk to a running development service")
    talk.add_argument("--as", dest="address", required=True, help="a number or chat id, such as +18765550101")
    talk.add_argument("--channel", default="whatsapp", choices=[c.value for c in Channel if c is not Channel.EMAIL])
    talk.add_argument("--port", type=int, help="where the service listens (PORT, or 8080)")
    staff = words.add_parser("staff", help="who is staff").add_subparsers(dest="act", required=True)
    add = staff.add_parser("add", help="make an address staff")
    add.add_argument("address", help="channel:address, such as telegram:5550103")
    add.add_argument("--role", required=True, choices=[r.value for r in Role])
    staff.add_parser("list", help="every address of staff and its role")
    remove = staff.add_parser("remove", help="an address is staff no more")
    remove.add_argument("address", help="channel:address, such as telegram:5550103")
    parked = words.add_parser("inbox", help="arrivals that were given up").add_subparsers(dest="act", required=True)
    parked.add_parser("list", help="show them")
    parked.add_parser("retry", help="try one again").add_argument("id", type=int)
    dead = words.add_parser("outbox", help="messages that were given up").add_subparsers(dest="act", required=True)
    dead.add_parser("list", help="show them")
    dead.add_parser("retry", help="send one again").add_argument("id", type=int)
    dead.add_parser("drop", help="take one off the list").add_argument("id", type=int)
    books = words.add_parser("ledger", help="the books").add_subparsers(dest="act", required=True)
    books.add_parser("verify", help="prove every balance and posting")
    lots = words.add_parser("lottery", help="draw orders by lottery").add_subparsers(dest="act", required=True)
    proof = lots.add_parser("verify", help="work an order out again from the messages that told it")
    proof.add_argument("file", help="the messages of one lottery, copied from a chat into a text file")
    partners.add_parser(words)
    payouts.add_parser(words)
    statements.add_parser(words)
    rates.add_parser(words)
    forms = words.add_parser("templates", help="WhatsApp's templates").add_subparsers(dest="act", required=True)
    forms.add_parser("list", help="show them")
    forms.add_parser("export", help="print them as Meta takes them, one JSON object a line")
    keys = words.add_parser("keys", help="encryption keys").add_subparsers(dest="act", required=True)
    keys.add_parser("new", help="print a fresh value for PARDNA_KEYS")
    words.add_parser("doctor", help="what is wrong, and how to mend it")
    return parser


COMMANDS: Mapping[tuple[str, str], str] = {
    ("serve", ""): "house.run_service",
    ("migrate", ""): "house.migrate_database",
    ("demo", ""): "demo.run",
    ("chat", ""): "chat.run",
    ("staff", "add"): "staff.add",
    ("staff", "list"): "staff.list_all",
    ("staff", "remove"): "staff.remove",
    ("inbox", "list"): "given_up.list_parked",
    ("inbox", "retry"): "given_up.retry_parked",
    ("outbox", "list"): "given_up.list_dead",
    ("outbox", "retry"): "given_up.retry_dead",
    ("outbox", "drop"): "given_up.drop_dead",
    ("ledger", "verify"): "books.verify_ledger",
    ("lottery", "verify"): "lottery.verify_lottery",
    ("hooks", "add"): "partners.add",
    ("hooks", "list"): "partners.list_hooks",
    ("hooks", "events"): "partners.list_events",
    ("hooks", "remove"): "partners.remove",
    ("hooks", "try"): "partners.try_out",
    ("hooks", "replay"): "partners.replay",
    ("payouts", "export"): "payouts.export",
    ("payouts", "list"): "payouts.list_batches",
    ("payouts", "results"): "payouts.take_results",
    ("statements", "import"): "statements.import_statement",
    ("statements", "maps"): "statements.list_maps",
    ("rates", "import"): "rates.import_rates",
    ("templates", "list"): "templates.list_forms",
    ("templates", "export"): "templates.export",
    ("doctor", ""): "checks.doctor",
}
"""Where each command is, under bot/commands: only the one that is asked for is loaded, so that it starts quickly."""


def command(word: str, act: str) -> Callable[[Settings, argparse.Namespace], Awaitable[int]]:
    """Load a command. Raises KeyError for one that there is not."""
    module, _, function = COMMANDS[word, act].partition(".")
    found: Callable[[Settings, argparse.Namespace], Awaitable[int]]
    found = getattr(import_module(f"bot.commands.{module}"), function)
    return found


class _Outlet(io.FileIO):
    """Where a command's words go. What nobody reads any more (`pardna ... | head`) is dropped, not the work."""

    def write(self, said: "ReadableBuffer", /) -> int:
        try:
            return super().write(said)
        except BrokenPipeError:
            return memoryview(said).nbytes


def _outlet(stream: Any) -> io.TextIOWrapper:
    raw = _Outlet(stream.fileno(), "w", closefd=False)
    through = stream.write_through
    return io.TextIOWrapper(
        raw if through else io.BufferedWriter(raw),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=through,
    )


def main() -> None:
    """Run one command of the command line."""
    sys.stdout, sys.stderr = _outlet(sys.stdout), _outlet(sys.stderr)
    asked = _parser().parse_args()
    try:
        if (asked.word, getattr(asked, "act", "")) == ("keys", "new"):  # what the settings lack may be just this
            print(new_keys())
            sys.exit(0)
        settings = Settings.read()
        start_logging(development=settings.development)
        run = command(asked.word, getattr(asked, "act", "") or "")
        status = _run(run(settings, asked))
    except (SettingsError, EmbeddedError) as fault:
        print("\n".join(f"pardna: {line}" for line in str(fault).splitlines()), file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _run(work: Awaitable[int]) -> int:
    async def whole() -> int:
        return await work

    if sys.platform == "win32":
        return asyncio.run(whole())
    import uvloop  # there is none for Windows

    return uvloop.run(whole())


if __name__ == "__main__":
    main()
