"""What clients asked of the ledger and heard, and a single-threaded ledger on which the database's order is replayed.

The model is written to be plainly right, from docs/ledger.md and not from the database's functions. What was
acknowledged has to be there, what was refused must not be, and what nobody knows is asked for by its key.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from domain.ledger import Account, Hold, Transaction, effect, lowered, reversal

Outcome = Literal["ok", "unknown", "refused"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: transactions to post together, or holds to take together, or the keys of holds to void."""

    post: tuple[Transaction, ...] = ()
    hold: tuple[Hold, ...] = ()
    void: tuple[str, ...] = ()


class Heard(NamedTuple):
    """What a client heard of a call, and how much (`after`) everybody had heard when it began.

    `why` names the refusal's class, `of` its subject.
    """

    asked: Asked
    outcome: Outcome
    why: str = ""
    of: str = ""
    after: int = 0


class Event(NamedTuple):
    """One thing the database wrote. `by`: the transaction that resolved the hold `key`, None when it was voided."""

    together: int
    number: int
    what: Literal["posted", "held", "resolved"]
    key: str
    by: str | None = None


@dataclass
class Model:
    """The books in dictionaries; `lowest` is the least that was ever available on an account."""

    transactions: dict[str, Transaction]
    holds: dict[str, Hold]
    balances: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    lowest: Counter[str] = field(default_factory=Counter)
    posted: dict[str, Transaction] = field(default_factory=dict)
    taken: dict[str, Hold] = field(default_factory=dict)
    ended: dict[str, str | None] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)

    def replay(self, events: Iterable[Event]) -> None:
        """Do what was done together as one, in the order of its first number."""
        groups: dict[int, list[Event]] = {}
        for event in sorted(events, key=lambda event: event.number):
            groups.setdefault(event.together, []).append(event)
        for group in groups.values():
            for event in sorted(group, key=lambda event: event.what != "resolved"):
                self._do(event)
            for event in group:
                if event.what == "resolved" and event.by is not None:
                    assert self.posted[event.by].resolves == event.key, f"{event.by} does not resolve {event.key}"

    def _do(self, event: Event) -> None:
        match event.what:
            case "resolved":
                hold = self.taken[event.key]
                assert event.key not in self.ended, f"{event.key} ended twice"
                self.ended[event.key] = event.by
                for account in lowered(hold):
                    self.held[account.name] -= hold.amount
            case "held":
                assert event.key not in self.taken, f"{event.key} held twice"
                hold = self.taken[event.key] = self.holds[event.key]
                for account in lowered(hold):
                    self.held[account.name] += hold.amount
                    self._look(account)
            case "posted":
                assert event.key not in self.posted, f"{event.key} posted twice"
                self._post(self.transactions[event.key])

    def _post(self, transaction: Transaction) -> None:
        if transaction.reverses is not None:
            original = self.posted[transaction.reverses]
            assert transaction == reversal(original, transaction.key)
            assert original.reverses is None, f"{transaction.key} takes back a reversal"
            assert original.key not in self.reversed, f"{original.key} taken back twice"
            self.reversed.add(original.key)
        if transaction.resolves is not None:
            hold, (moved,) = self.taken[transaction.resolves], transaction.transfers
            assert self.ended[hold.key] == transaction.key, f"{transaction.key} did not end {hold.key}"
            assert (moved.debit, moved.credit) == (hold.debit, hold.credit)
            assert moved.amount <= hold.amount
        for transfer in transaction.transfers:
            for account in (transfer.debit, transfer.credit):
                self.balances[account.name] += effect(account, transfer)
                self._look(account)
        self.posted[transaction.key] = transaction

    def _look(self, account: Account) -> None:
        available = self.balances[account.name] - self.held[account.name]
        assert available >= account.floor, f"{account.name} fell to {available}"
        self.lowest[account.name] = min(self.lowest[account.name], available - account.floor)


def replayed(heard: Sequence[Heard], events: Sequence[Event]) -> Model:
    """Replay what the database wrote, and hold what every client heard against it. Raises AssertionError."""
    asked = [said.asked for said in heard]
    model = Model(
        {made.key: made for call in asked for made in call.post},
        {made.key: made for call in asked for made in call.hold},
    )
    model.replay(events)
    for last in _last_words(heard):
        _hold_against(last, model)
        if last.outcome == "refused":
            _justified(last, model, _acknowledged(heard[: last.after]))
    return model


def _acknowledged(heard: Iterable[Heard]) -> set[str]:
    calls = [said.asked for said in heard if said.outcome == "ok"]
    return {made.key for call in calls for made in call.post} | {made.key for call in calls for made in call.hold}


def _last_words(heard: Iterable[Heard]) -> Iterable[Heard]:
    """A call that was repeated counts once, as it was heard of last.

    A refusal after an unknown does not tell: the call whose answer was lost may have come in after it.
    """
    last: dict[Asked, Heard] = {}
    for said in heard:
        before = last.get(said.asked)
        unknown = before is not None and before.outcome == "unknown" and said.outcome == "refused"
        last[said.asked] = said._replace(outcome="unknown") if unknown else said
    return last.values()


def _hold_against(said: Heard, model: Model) -> None:
    keys = [made.key for made in said.asked.post]
    there = [key in model.posted for key in keys] + [made.key in model.taken for made in said.asked.hold]
    match said.outcome:
        case "ok":
            assert all(there), f"an acknowledged write is lost: {said}"
            assert all(model.ended.get(key, "open") is None for key in said.asked.void), f"not voided: {said}"
        case "refused":
            assert not any(there), f"what was refused is written: {said}"
        case "unknown":
            assert all(there) or not any(there), f"half of a call is written: {said}"


def _justified(said: Heard, model: Model, known: set[str]) -> None:
    """A refusal names something that is so at the end, was so at some time, or could not be known yet."""
    resolves = {made.resolves for made in said.asked.post} | set(said.asked.void)
    reverses = {made.reverses for made in said.asked.post}
    match said.why:
        case "AlreadyResolved":
            assert said.of in model.ended
        case "AlreadyReversed":
            assert reverses & model.reversed
        case "BelowFloor":
            assert model.lowest[said.of] < _most_taken(said.asked, said.of)
        case "NotResolvable":
            assert resolves - known, f"a hold that was there is not found: {said}"
        case "NotReversible":
            assert {key for key in reverses if key not in known or model.posted[key].reverses}, f"not found: {said}"
        case _:
            raise AssertionError(f"refused for no reason we know: {said}")


def _most_taken(asked: Asked, name: str) -> int:
    """How much of an account the call would take at most."""
    transfers = [transfer for made in asked.post for transfer in made.transfers]
    transfers += [made.transfer() for made in asked.hold]
    accounts = [(account, transfer) for transfer in transfers for account in (transfer.debit, transfer.credit)]
    return sum(-min(0, effect(account, transfer)) for account, transfer in accounts if account.name == name)
