"""A chat without a house: what is known goes in, what is said comes out in English. Reads as a chat.

`chat.says("PAY").sees("How much")`, `chat.taps("Cash to banker").does(BeginThrow(...))`.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from bot.conversations import talk
from bot.conversations.flow import Session, Step
from bot.words.catalogue import Catalogue
from bot.words.say import Answer, Say, Text
from domain.commands import Command
from domain.messages import Channel, Inbound, InboundKind, Outgoing
from domain.money import Currency, Money
from domain.pardna import CircleState, RoundState
from domain.people import Language, Person, Role
from domain.standing import Ask, Owed, Seat, Standing

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
DUE = date(2026, 11, 27)
CATALOGUE = Catalogue("https://pardna.example")
MARVA = Person("marva", "Marva Brown", Language.EN, NOW)
OWED = (Owed(2, DUE, date(2026, 11, 30), RoundState.OPEN, 500_000),)
CODE, OTHER = "K7QX2M", "B3CD4F"
ALL_RAILS = ("SANDBOX", "CARD")


def seat(code: str = CODE, name: str = "Sunday Club", **changes: object) -> Seat:
    """Return a running circle of five hands of J$5,000, in which one is a member who owes this round."""
    plain = Seat(
        code=code,
        name=name,
        state=CircleState.ACTIVE,
        currency=Currency.JMD,
        throw=500_000,
        turns=5,
        first_due=date(2026, 11, 20),
        fee=0,
        is_banker=False,
        member_state="IN",
        agreed=True,
        taken=10,
        round=2,
        drawer="Keisha",
        pot=1_000_000,
        credit=0,
        cash_held=0,
        owed=OWED,
        my_turns=(),
    )
    return plain._replace(**changes)  # type: ignore[arg-type]


def ask(kind: str, ref: str, amount: int = 500_000) -> Ask:
    """Return a question that waits."""
    return Ask(kind, ref, CODE, "Sunday Club", Money(amount, Currency.JMD), "Devon")


def member(*seats: Seat, **changes: object) -> Standing:
    """Return what is known of a member of one running circle, or of these."""
    plain = Standing("whatsapp:+18765550101", NOW, MARVA, seats=seats or (seat(),), rails=ALL_RAILS)
    return replace(plain, **changes)  # type: ignore[arg-type]


def banker(state: CircleState = CircleState.ACTIVE, *more: Seat, **changes: object) -> Standing:
    """Return what is known of a banker of one circle in this state, and perhaps of more circles."""
    return member(seat(is_banker=True, state=state), *more, **changes)


def clerk(**changes: object) -> Standing:
    """Return what is known of a member of staff."""
    return member(roles=frozenset({Role.ADMIN}), **changes)


STRANGER = Standing("whatsapp:+18765550109", NOW, rails=ALL_RAILS)


def on(channel: Channel, standing: Standing) -> Standing:
    """Return the same person on another channel."""
    return replace(standing, party=f"{channel}:{'5550101' if channel is Channel.TELEGRAM else '+18765550101'}")


@dataclass
class Chat:
    """One address that talks. Nothing is carried out: what is to be done is only looked at."""

    standing: Standing
    session: Session = field(default_factory=Session)
    menu: Outgoing | None = None
    step: Step = field(default_factory=lambda: Step(Session()))
    name: str = ""

    def says(self, typed: str, **parts: object) -> "Chat":
        """Type something."""
        return self._send(InboundKind.TEXT, text=typed, **parts)

    def taps(self, label: str) -> "Chat":
        """Choose an answer offered: its number on SMS, a tap elsewhere."""
        assert self.menu is not None, "nothing is offered"
        number, option = next((n, o) for n, o in enumerate(self.menu.options, 1) if label in (o.label, o.id))
        if self.standing.channel == Channel.SMS:
            return self.says(str(number))
        return self.taps_line(option.id)

    def taps_line(self, line: str) -> "Chat":
        """Tap a button, perhaps an old one."""
        return self._send(InboundKind.CHOICE, choice=line)

    def sends(self, kind: InboundKind, **parts: object) -> "Chat":
        """Send something else than text."""
        return self._send(kind, **parts)

    def _send(self, kind: InboundKind, **parts: object) -> "Chat":
        channel, _, address = self.standing.party.partition(":")
        inbound = Inbound(Channel(channel), address, kind, name=self.name, **parts)  # type: ignore[arg-type]
        self.step = talk.turn(self.session, inbound, self.standing, self.menu)
        self.session = Session.from_json(self.step.session.as_json())
        for page in self._pages():
            self.menu = page if page.options else self.menu
        return self

    def _pages(self) -> list[Outgoing]:
        channel = Channel(self.standing.channel)
        return [page for what in self.step.says for page in CATALOGUE.render(what, Language.EN, channel)]

    @property
    def text(self) -> str:
        """What was said in the last turn."""
        return "\n".join(page.text for page in self._pages())

    @property
    def offers(self) -> list[str]:
        """The lines of the answers offered in the last turn."""
        return [option.id for page in self._pages() for option in page.options]

    def sees(self, *parts: str) -> "Chat":
        """See all these parts in what was said, and nothing done."""
        for part in parts:
            assert part.casefold() in self.text.casefold(), f"{part!r} not in {self.text!r}"
        assert self.step.commands == (), self.step.commands
        return self

    def does(self, *commands: Command) -> "Chat":
        """See just these things asked to be done, with no question left open."""
        assert self.step.commands == commands, (self.step.commands, self.text)
        assert self.session.flow == ""
        return self


def shown(*answers: tuple[str, str]) -> Outgoing:
    """Return a choice as a notice shows it: (line, label) each."""
    what = Say((Text("menu"),), tuple(Answer(line, label) for line, label in answers))
    return CATALOGUE.render(what, Language.EN, Channel.SMS)[-1]
