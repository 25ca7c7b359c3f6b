"""The real service, which kills itself by SIGKILL at a chosen point: what the fault tests start.

    serve_and_die.py --port N [--role ROLES] [--die POINT:NTH]

Nothing of the service knows of it: one function is wrapped from outside, and its NTH call ends the process.
"""

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, NamedTuple

import uvloop

from bot import app, place, relay
from bot.config import Settings
from bot.desk import Desk
from bot.telemetry import start_logging
from channels.chat.sms import Sms
from channels.chat.telegram import Telegram
from channels.chat.whatsapp import WhatsApp
from channels.rails.sandbox import SandboxRail
from storage import duties, inbox, outbox
from storage.clock import Clock
from storage.filer import Filer

LEASE_SECONDS, SETTLE_SECONDS = 1.6, 0.4
"""How long what a dead relay was sending stays its own: shorter than in the service, or the test would only wait."""


RAIL_SECONDS = 0.3
"""How long money takes: meanwhile what is said is sent and noted, so that the next death does not repeat it again."""


class Point(NamedTuple):
    """Where to die: before or after a function, counting only the calls whose result is not empty."""

    owner: Any
    name: str
    after: bool = True
    wait_seconds: float = 0.0


POINTS: dict[str, tuple[Point, ...]] = {
    "before-filing": (Point(Filer, "_insert_once", after=False),),
    "after-filing": (Point(Filer, "_insert_once"),),
    "before-the-desk-commits": (Point(inbox, "finish"),),
    "after-the-desk-commits": (Point(Desk, "work_once"),),
    "after-sending": (Point(WhatsApp, "send"), Point(Sms, "send"), Point(Telegram, "send")),
    "after-collecting": (Point(SandboxRail, "collect", wait_seconds=RAIL_SECONDS),),
    "before-paying-out": (Point(SandboxRail, "disburse", after=False, wait_seconds=RAIL_SECONDS),),
    "after-paying-out": (Point(SandboxRail, "disburse", wait_seconds=RAIL_SECONDS),),
    "after-looking-up": (Point(SandboxRail, "look_up", wait_seconds=RAIL_SECONDS),),
    "before-noting-commits": (Point(outbox, "settle"),),
    "after-noting-commits": (Point(relay._Carrier, "_settle_and_claim"),),
    "before-duties-commit": (Point(duties, "file_due"),),
    "before-the-clock-moves": (Point(Clock, "set"),),
}
GIVES_NOTHING = {"_insert_once", "finish"}
"""Functions that return None whatever they did."""


def arm(point: str, nth: int) -> None:
    """Make the nth call of a point the last thing this process does."""
    left = nth

    async def count(wait_seconds: float) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            await asyncio.sleep(wait_seconds)
            os.kill(os.getpid(), signal.SIGKILL)

    for where in POINTS[point]:
        setattr(where.owner, where.name, _deadly(getattr(where.owner, where.name), where, count))


def _deadly(function: Callable[..., Awaitable[Any]], where: Point, count: Callable[[float], Awaitable[None]]) -> Any:
    @wraps(function)
    async def deadly(*arguments: Any, **named: Any) -> Any:
        if not where.after:
            await count(where.wait_seconds)
        result = await function(*arguments, **named)
        if where.after and (result or where.name in GIVES_NOTHING):
            await count(where.wait_seconds)
        return result

    return deadly


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--role", default=",".join(place.ROLES))
    parser.add_argument("--die", default="")
    asked = parser.parse_args()
    if asked.die:
        point, _, nth = asked.die.partition(":")
        arm(point, int(nth))
    vars(relay)["SETTLE_SECONDS"] = SETTLE_SECONDS
    vars(app)["Relay"] = partial(relay.Relay, lease_seconds=LEASE_SECONDS)
    start_logging(development=True)
    work = app.serve(Settings.read(None), roles=tuple(asked.role.split(",")), port=asked.port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    main()
