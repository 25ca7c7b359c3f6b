"""What becomes of a parcel after one try to send it: the relay's rules, pure.

- A message is tried eight times. One that may have gone out already is repeated once, not more, unless its provider
  knows it by our key (rules.md 59).
- A message is kept while the operator has something to mend (a dead token), and somebody is called every eight tries.
- A request for money is repeated with its key, which makes that harmless.
- Money out never dies of trouble: it is tried again, ever more slowly, with its key; one that may have gone
  out is looked up and never sent blindly (rules.md 37). It ends only by the rail's yes or no.
- The answer to a tap is given once: what may have been taken is not said again, and late it is worth nothing.
- A call of a partner's web hook is repeated for over two days, then somebody has to look.
"""

from dataclasses import dataclass, replace
from typing import Any

from channels.base import Outcome, Refused, Retry, Sent, Unknown
from domain.messages import Filed
from storage.outbox import ARRIVED, Posted, Settled

SOURCE = "relay"
TRIES = 8
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 900.0
LONGEST_ASKED_SECONDS = 3600.0
"""However fast a provider wants the waits to grow."""
RESULTS = {
    "collect": "collected",
    "capture": "collected",
    "disburse": "disbursed",
    "refund": "refunded",
    "fetch": "fetched",
}
"""What the desk hears when a rail said yes, or a file is here."""
MONEY_OUT = frozenset({"disburse", "refund"})
"""Never given up for trouble, never sent again blindly."""
TALK = frozenset({"say", "fetch"})
"""What is kept while the operator has something to mend."""
BESIDE = frozenset({"fetch", "event"})
"""Goes to many networks, or to partners: what comes of it shows nothing of one provider."""
CALLS_SECONDS = (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000)
"""How long a partner's web hook that does not answer is left alone after each try, over two days in all."""
TAPS = 3
"""So often at most the answer to a tap is tried: nobody looks at a button that long."""
ASKS = frozenset({"collect", "capture", "fetch"})
"""Given up after eight tries; whoever waits for it is told."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the outbox notes, what the desk has to hear, and whether somebody has to look."""

    settled: Settled
    filed: tuple[Filed, ...] = ()
    alarm: bool = False
    shut_out: bool | None = None
    """Whether the provider turns us away, whatever we send (a dead token, say); None: this shows nothing of it."""


def wait_seconds(attempts: int, jitter: float) -> float:
    """Return how long to wait after so many attempts: 0.5 s, 1 s, 2 s ... 15 min, times 0.5 to 1.

    `jitter` is between 0 and 1; it keeps what failed together from coming back together.
    """
    doubled = FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 20)
    return min(doubled, LONGEST_WAIT_SECONDS) * (0.5 + jitter / 2)


def decide(posted: Posted, outcome: Outcome, jitter: float) -> Verdict:
    """Say what becomes of a parcel, given what the provider did with it, and what that shows of the provider."""
    verdict = _decide(posted, outcome, jitter)
    match outcome:
        case Sent() if posted.kind not in BESIDE:
            return replace(verdict, shut_out=False)
        case Retry(ours=True) if posted.kind not in BESIDE:
            return replace(verdict, shut_out=True)
        case _:
            return verdict


def _decide(posted: Posted, outcome: Outcome, jitter: float) -> Verdict:
    match outcome:
        case Refused() | Unknown() if posted.kind == "tap":
            return drop(posted, outcome.reason)
        case Retry() if posted.kind == "tap" and posted.attempts >= TAPS:
            return drop(posted, outcome.reason)
        case Sent():
            rank = ARRIVED if outcome.arrived else 0
            state = "waiting" if outcome.waits else "sent"
            settled = Settled(posted.id, posted.attempts, state, outcome.provider_id, delivery=rank)
            return Verdict(settled, (*_yes(posted, outcome), *outcome.arrivals))
        case Refused() if posted.kind == "event":
            if outcome.gone:
                return drop(posted, outcome.reason)
            return Verdict(_ended(posted, "dead", _fault(outcome)), alarm=True)
        case Refused():
            settled = Settled(posted.id, posted.attempts, "dead", fault=_fault(outcome))
            return Verdict(settled, (_no(posted, outcome),))
        case Retry():
            grown = min(outcome.growth ** min(posted.attempts, TRIES), LONGEST_ASKED_SECONDS) if outcome.growth else 0.0
            seconds = max(outcome.after_seconds, grown, _wait(posted, jitter))
            return _again(posted, outcome.reason, seconds, ours=outcome.ours)
        case Unknown(keyed=False) if posted.kind == "say" and posted.unknown:
            return Verdict(_ended(posted, "dead", f"twice without an answer: {outcome.reason}"), alarm=True)
        case Unknown():
            return _again(posted, outcome.reason, _wait(posted, jitter), unknown=True)


def drop(posted: Posted, why: str) -> Verdict:
    """End a parcel that is not to be sent any more."""
    return Verdict(_ended(posted, "dropped", why))


def hold(posted: Posted, seconds: float) -> Verdict:
    """Put back for so long what must not go yet. It was no try."""
    return Verdict(Settled(posted.id, posted.attempts, "queued", after_seconds=seconds, held=True))


def puzzling(posted: Posted, fault: str) -> Verdict:
    """Put aside for a long while a parcel that we ourselves cannot make sense of, and call somebody."""
    waiting = Settled(
        posted.id, posted.attempts, "queued", fault=fault, after_seconds=LONGEST_WAIT_SECONDS, unknown=True
    )
    return Verdict(waiting, alarm=True)


def _again(posted: Posted, fault: str, seconds: float, *, unknown: bool = False, ours: bool = False) -> Verdict:
    if posted.kind == "event":
        return _call_again(posted, fault)
    exhausted = posted.attempts % TRIES == 0
    if exhausted and posted.kind not in MONEY_OUT and not (ours and posted.kind in TALK):
        filed = (_no(posted, Refused(fault, "exhausted")),) if posted.kind in ASKS else ()
        return Verdict(_ended(posted, "dead", fault), filed, alarm=True)
    waiting = Settled(posted.id, posted.attempts, "queued", fault=fault, after_seconds=seconds, unknown=unknown)
    return Verdict(waiting, alarm=exhausted)


def _call_again(posted: Posted, fault: str) -> Verdict:
    turn = (posted.attempts - 1) % (len(CALLS_SECONDS) + 1)  # taken up by hand, it has all its tries again
    if turn == len(CALLS_SECONDS):
        return Verdict(_ended(posted, "dead", fault), alarm=True)
    return Verdict(Settled(posted.id, posted.attempts, "queued", fault=fault, after_seconds=CALLS_SECONDS[turn]))


def _wait(posted: Posted, jitter: float) -> float:
    return wait_seconds(posted.attempts, jitter)


def _ended(posted: Posted, state: str, fault: str) -> Settled:
    return Settled(posted.id, posted.attempts, state, fault=fault)


def _fault(refused: Refused) -> str:
    return f"{refused.code} {refused.reason}".strip()


def _yes(posted: Posted, sent: Sent) -> tuple[Filed, ...]:
    kind = RESULTS.get(posted.kind)
    if kind is None or not (sent.detail.get("settled") or sent.detail.get("link")):
        return ()  # taken, but the money is not there: the rail will tell
    body = {**_echo(posted), **sent.detail, "kind": kind, "provider_id": sent.provider_id}
    return (_filed(posted, f"{posted.key}:{kind}", body),)


def _no(posted: Posted, refused: Refused) -> Filed:
    said = {"reason": refused.reason, "code": refused.code, "gone": refused.gone}
    # The same parcel may be queued again by hand and refused again: each refusal is news.
    ident = f"{posted.key}:refused:{posted.attempts}"
    return _filed(posted, ident, {**_echo(posted), **said, "kind": "refused", "of": posted.kind})


def _echo(posted: Posted) -> dict[str, Any]:
    echo: dict[str, Any] = posted.body.get("echo") or {}
    return {**echo, "key": posted.key}


def _filed(posted: Posted, ident: str, body: dict[str, Any]) -> Filed:
    party = posted.lane if posted.kind == "say" else posted.body["party"]
    return Filed(SOURCE, ident, party, "result", body)
