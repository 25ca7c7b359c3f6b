"""Brings the people of the bench to where a conversation is real: onboarded, and in a running circle of five.

Everything is said through the signed web hooks, as people would; the simulator's phones are read for the
code of a new circle and to see that each step arrived.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from benchmarks import traffic
from benchmarks.client import load
from benchmarks.processes import fetch

CIRCLE = 5
_CODE = re.compile(r"\b[A-HJ-NP-Z2-9]{6}\b")


def bring_in(port: int, people: int, settled: Callable[[], None]) -> None:
    """Onboard everybody, then found and begin the circles; `settled` waits until all that was said is done.

    Raises RuntimeError when somebody is not where the script should have brought them.
    """
    everybody, bankers = range(people), range(0, people, CIRCLE)
    codes: list[str] = []
    first_due = datetime.now(UTC).date() + timedelta(days=7)

    def say(who: Iterable[int], *lines: str) -> None:
        for line in lines:
            said = ((p, line.format(person=p, code=codes[p // CIRCLE] if codes else "")) for p in who)
            seen = load(port, traffic.whatsapp(said), 64)
            if seen.errors:
                raise RuntimeError(f"{line!r} met {seen.errors}")
            settled()

    say(everybody, *traffic.ONBOARDING)
    _expect(port, (0, people - 1), "YOU ARE IN")
    say(bankers, f"NEW Club {{person}}; 5000 JMD; weekly; {CIRCLE}; {first_due}; join order")
    codes.extend(_code(port, banker) for banker in bankers)
    say(everybody, "JOIN {code}", "AGREE")
    say(bankers, "APPROVE {code} ALL", "LOCK {code}", "YES", "BEGIN {code}", "YES")
    say(everybody, "BALANCE")
    _expect(port, (0, 1, people - 1), "5,000")


def heard(port: int, person: int) -> Sequence[str]:
    """What the simulator delivered to a person so far, each message as JSON, oldest first."""
    address = quote(f"+{traffic.wa_id(person)}")
    query = f"channel=whatsapp&address={address}&after=0&wait=1"
    said = json.loads(fetch(f"http://127.0.0.1:{port}/sim/messages?{query}"))
    return [json.dumps(message) for message in said]


def _expect(port: int, people: Iterable[int], word: str) -> None:
    for person in people:
        last = (heard(port, person) or ["nothing"])[-1]
        if word not in last.upper():
            raise RuntimeError(f"person {person} should read {word} now, but reads: {last}")


def _code(port: int, banker: int) -> str:
    """The code of the circle a banker has just made."""
    for message in reversed(heard(port, banker)):
        if found := _CODE.search(message):
            return found[0]
    raise RuntimeError(f"banker {banker} was told no code: {heard(port, banker)[-1:]}")
