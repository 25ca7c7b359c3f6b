"""STATEMENT: a short word at once, and the book as a document: a member's own lines, for the banker all of them.

A member sees of others what the circle sees anyway: first names of drawers and each round's total, never a line.
"""

from collections.abc import Iterable

from bot.actions import cards, drawers, misses, papers, people, pots
from bot.actions.turn import Turn
from bot.words.say import Drawn, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.documents import Entry, Moved, RoundLine, StatementFacts, What
from domain.messages import AttachmentKind
from domain.pardna import OVER, Circle, Round
from domain.people import shown_address
from domain.schedule import local_date


def statement(turn: Turn, command: c.Statement) -> Say | Refusal:
    """Say what was thrown, drawn and is owed, and send the lines of it; by mail if that is wanted."""
    mail = people.mail_of(turn) if command.by_mail else None
    if command.by_mail and mail is None:
        return refuse("mail_none")
    circle = turn.book.circle(command.circle)
    lines = turn.histories.get((circle.code, turn.person_id), ())
    facts = _facts(turn, circle, lines)
    kept = papers.keep(turn, facts, turn.person_id, circle=circle)
    link = text("statement_link", link=f"{turn.tools.site}/s/{kept.token}")
    name = f"statement-{circle.code}-{facts.until.isoformat()}.pdf"
    alt = text("statement_alt", circle=circle.name, date=facts.until)
    drawn = Drawn(AttachmentKind.DOCUMENT, kept.id, name, alt, kept.token)
    head = _book(turn, circle, facts) if facts.whole else _mine(turn, circle, facts)
    late = misses.late_left(turn, circle, turn.person_id)
    fees = (text("receipt_late", amount=circle.money(late)),) if late else ()
    said = Say((head, *fees, *_dates(turn, circle), link), drawn=drawn)
    if mail is None:
        return said
    turn.tell_party(mail.party, said)
    return say("statement_mailed", circle=circle.name, address=shown_address(mail.party))


def _facts(turn: Turn, circle: Circle, lines: Iterable[Moved]) -> StatementFacts:
    whole = circle.banker_id == turn.person_id
    names = cards.first_names(turn, circle) if whole else {}
    entries = tuple(
        Entry(
            day=local_date(line.at),
            what=line.what,
            who=(names.get(line.person_id) or _called(turn, line.person_id)) if whole else "",
            round=line.round,
            reference=line.reference,
            amount=line.amount,
        )
        for line in lines
    )
    return StatementFacts(
        circle=circle.name,
        code=circle.code,
        currency=circle.currency,
        name=turn.me.first_name,
        whole=whole,
        language=turn.me.language,
        since=local_date(circle.made_at),
        until=local_date(turn.at),
        opening=0,
        gross=circle.gross,
        entries=entries,
        rounds=tuple(_rounds(turn, circle)),
    )


def _called(turn: Turn, person: str) -> str:
    return turn.book.person(person).first_name if person else ""


def _rounds(turn: Turn, circle: Circle) -> Iterable[RoundLine]:
    """Yield the circle's rounds as every insider may see them: totals and the drawer's first name."""
    for number, round_ in sorted(turn.book.rounds(circle.code).items()):
        paid = sum(draw.paid for draw in drawers.draws_of(turn, circle, number))
        thrown = pots.thrown(turn, circle, number)
        yield RoundLine(number, round_.due, drawers.names(turn, circle, number), thrown, paid)


_THROWN = frozenset({What.THROW, What.TAKEN_BACK, What.REFUND, What.REFUND_BACK, What.CHARGEBACK, What.RETURNED})
_DRAWN = frozenset({What.DRAW, What.DRAW_BACK})


def _mine(turn: Turn, circle: Circle, facts: StatementFacts) -> Text:
    dues = turn.book.dues_of(circle.code, turn.person_id)
    thrown = sum(e.amount for e in facts.entries if e.what in _THROWN)
    drawn = -sum(e.amount for e in facts.entries if e.what in _DRAWN)
    return text(
        "statement_mine",
        circle=circle.name,
        date=facts.until,
        thrown=circle.money(thrown),
        drawn=circle.money(drawn),
        owed=circle.money(sum(d.left for d in dues) + turn.book.balance(ledger.debt(circle.code, turn.person_id))),
        credit=circle.money(turn.book.balance(ledger.credit(circle.code, turn.person_id))),
    )


def _book(turn: Turn, circle: Circle, facts: StatementFacts) -> Text:
    """More may be out than in: a bank took back what was drawn already, and its member owes it to the circle."""
    if facts.closing < 0:
        return text(
            "statement_book_less",
            circle=circle.name,
            date=facts.until,
            thrown=circle.money(facts.came_in),
            drawn=circle.money(facts.went_out),
            owed=circle.money(-facts.closing),
        )
    return text(
        "statement_book",
        circle=circle.name,
        date=facts.until,
        thrown=circle.money(facts.came_in),
        drawn=circle.money(facts.went_out),
        held=circle.money(facts.closing),
        there=circle.money(turn.book.balance(ledger.cash(circle.code))),
    )


def _dates(turn: Turn, circle: Circle) -> tuple[Text, ...]:
    """Say when the next throw is due and who draws next, while the circle runs."""
    today = local_date(turn.at)
    open_ = [r for r in turn.book.rounds(circle.code).values() if r.due >= today]
    if not open_ or circle.state in OVER:
        return ()
    first: Round = min(open_, key=lambda r: r.number)
    who = drawers.names(turn, circle, first.number)
    return (text("statement_next", due=first.due, who=who, date=first.pays_on),)
