"""Partners' web hooks from the command line: add, list, remove, try, and tell again what happened."""

import argparse
import secrets
import sys
from datetime import UTC, datetime
from typing import Any, Final

from bot.commands.reaching import transaction
from bot.config import Settings
from channels.base import Sent
from channels.http import Http
from channels.partner import PartnerCaller, new_secret, outside_session, wrong_address
from domain.events import KINDS, Event, is_pattern
from domain.schedule import JAMAICA
from storage import partners
from storage.clock import Clock
from storage.partners import PartnerHook

NO_SUCH: Final = "pardna: there is no such web hook; `pardna hooks list` shows them"


def add_parser(words: Any) -> None:
    """Add `hooks` to the command line."""
    acts = words.add_parser("hooks", help="web hooks of partners").add_subparsers(dest="act", required=True)
    add = acts.add_parser("add", help="call an address with what happens; prints its secret, once")
    add.add_argument("url", help="https://...")
    add.add_argument("--events", required=True, help="comma-separated: payment.settled, payout.* or *")
    acts.add_parser("list", help="show them")
    acts.add_parser("events", help="every event that can be asked for")
    acts.add_parser("remove", help="call one no more").add_argument("id")
    acts.add_parser("try", help="call one now with a made-up event").add_argument("id")
    again = acts.add_parser("replay", help="tell one again what happened, under the same ids")
    again.add_argument("id")
    again.add_argument("--since", required=True, help="such as 2026-12-01 or 2026-12-01T09:00-05:00; 40 days are kept")


async def add(settings: Settings, asked: argparse.Namespace) -> int:
    """Add a web hook and print its secret; 1 when the address or an event is none."""
    wanted = tuple(dict.fromkeys(word.strip() for word in asked.events.split(",") if word.strip()))
    wrong = wrong_address(asked.url, development=settings.development)
    if odd := [word for word in wanted if not is_pattern(word)] or ([] if wanted else ["nothing"]):
        wrong = f"{odd[0]} is no event; `pardna hooks events` lists them"
    if wrong:
        print(f"pardna: {wrong}", file=sys.stderr)
        return 1
    hook = PartnerHook(secrets.token_hex(4), asked.url, wanted, datetime.now(UTC), new_secret())
    async with transaction(settings) as conn:
        await partners.add(conn, settings.vault(), hook)
    print(f"{hook.id} is called with {', '.join(wanted)}. Its secret, shown this once:\n{hook.secret}")
    return 0


async def list_hooks(settings: Settings, _asked: argparse.Namespace) -> int:
    """List the web hooks, without their secrets and what follows their host."""
    async with transaction(settings) as conn:
        found = await partners.hooks(conn, settings.vault())
    for hook in found:
        host = hook.url.partition("://")[2].partition("/")[0]
        print(f"{hook.id}  {hook.added_at:%Y-%m-%d}  {host}  {', '.join(hook.events)}")
    print(f"{len(found)} called." if found else "Nobody is called.")
    return 0


async def list_events(_settings: Settings, _asked: argparse.Namespace) -> int:
    """List every event there is."""
    print("\n".join(KINDS))
    return 0


async def remove(settings: Settings, asked: argparse.Namespace) -> int:
    """Call a web hook no more; what waits for it is dropped."""
    async with transaction(settings) as conn:
        gone = await partners.remove(conn, asked.id, datetime.now(UTC))
    print(f"{asked.id} is called no more." if gone else NO_SUCH, file=sys.stdout if gone else sys.stderr)
    return 0 if gone else 1


async def try_out(settings: Settings, asked: argparse.Namespace) -> int:
    """Call a web hook now with an event of the kind `test`; 1 when it does not answer well."""
    async with transaction(settings) as conn:
        hook = await partners.hook(conn, settings.vault(), asked.id)
    if hook is None:
        print(NO_SUCH, file=sys.stderr)
        return 1
    event = Event(secrets.token_hex(12), "test", datetime.now(UTC), {})
    async with outside_session() as session:
        caller = PartnerCaller(Http(session, partners.CARRIER), development=settings.development)
        outcome = await caller.send(hook.url, hook.secret, event.body)
    if isinstance(outcome, Sent):
        print("It took the call.")
        return 0
    print(f"pardna: it did not take the call: {outcome.reason}", file=sys.stderr)
    return 1


async def replay(settings: Settings, asked: argparse.Namespace) -> int:
    """Tell a partner again what happened since a time, on the service's clock; 1 for a bad time or no such hook."""
    try:
        since = datetime.fromisoformat(asked.since)
    except ValueError:
        print(f"pardna: {asked.since} is no time; write 2026-12-01 or 2026-12-01T09:00-05:00", file=sys.stderr)
        return 1
    since = since if since.tzinfo else since.replace(tzinfo=JAMAICA)
    vault = settings.vault()
    async with transaction(settings) as conn:
        clock = Clock()
        await clock.load(conn)
        hook = await partners.hook(conn, vault, asked.id)
        told = await partners.replay(conn, vault, hook, since, clock.now()) if hook else 0
    if hook is None:
        print(NO_SUCH, file=sys.stderr)
        return 1
    print(f"{told} events are told again.")
    return 0
