"""The ways money takes out of a circle: cash out of the banker's hands, or the rail under a key that never changes."""

from dataclasses import replace

from bot.actions.turn import Order, Turn
from bot.words.say import Figure, Text, text
from domain import ledger
from domain.codes import ticket_ref
from domain.pardna import Circle
from domain.payments import OPEN_PAYOUTS, UNSENT, Payout
from domain.people import Destination, Ticket, TicketKind


def cash_free(turn: Turn, circle: Circle) -> int:
    """Return the cash in the banker's hands that no payout under way has claimed."""
    open_ = [p for p in turn.book.all(Payout, circle=circle.code) if p.state in OPEN_PAYOUTS]
    return turn.book.balance(ledger.cash(circle.code)) - sum(p.claims for p in open_)


def cash_uncommitted(turn: Turn, circle: Circle) -> int:
    """Return the cash that no payout with its second yes has claimed."""
    approved = [p for p in turn.book.all(Payout, circle=circle.code) if p.approved_by and p.state in OPEN_PAYOUTS]
    return turn.book.balance(ledger.cash(circle.code)) - sum(p.claims for p in approved)


def wants_cash(where: Destination | None) -> bool:
    """No account set: cash from the banker (rules.md 34)."""
    return where is None or where.kind == "cash"


def label(turn: Turn, person_id: str) -> str:
    """Return where the rail pays this person. The sandbox needs no account: it plays one."""
    where = turn.book.destination(person_id)
    if where and where.label:
        return where.label
    return "Sandbox" if turn.tools.payout_rail == "SANDBOX" else ""


def moved(turn: Turn, circle: Circle, payout: Payout) -> Payout | None:
    """Return a payout as it would go now, when somebody has changed where it goes since it was asked for, else None.

    Even the same label may be another account: what was said yes to is what is sent.
    """
    drawer = turn.book.destination(payout.person_id)
    via_banker = payout.person_id != circle.banker_id and wants_cash(drawer)
    payee = circle.banker_id if via_banker else payout.person_id
    ways = [drawer, turn.book.destination(payee)]
    if not payout.rail_amount or not any(w and w.set_at > payout.asked_at for w in ways):
        return None
    return replace(payout, via_banker=via_banker, label=label(turn, payee), asked_at=turn.at)


def how(turn: Turn, circle: Circle, payout: Payout) -> Text:
    """Say in words how a payout reaches the drawer."""
    figures: dict[str, Figure] = {
        "banker": turn.book.person(circle.banker_id).first_name,
        "label": payout.label,
        "hand": circle.money(payout.by_hand),
        "rail": circle.money(payout.rail_amount),
    }
    if not payout.rail_amount or payout.via_banker:
        return text("how_cash", **figures)
    return text("how_both", **figures) if payout.cash else text("how_rail", **figures)


def send(turn: Turn, circle: Circle, payout: Payout) -> None:
    """Have the rail pay. The key never changes, so the rail pays once whatever happens in between (rules.md 37)."""
    payee = circle.banker_id if payout.via_banker or payout.kind == "fee" else payout.person_id
    body: dict[str, object] = {
        "amount": payout.rail_amount,
        "currency": circle.currency.value,
        "payee": payee,
        "party": f"circle:{circle.code}",
        "echo": {"payout_id": payout.id},
    }
    turn.orders.append(Order("disburse", payout.rail.lower(), f"payout:{payout.id}", body))


def find(turn: Turn, ref: str) -> Payout | None:
    """Return the payout of a reference, the live one first: references are used again once one is closed."""
    found = turn.book.all(Payout, ref=ref)
    live = [p for p in found if p.state in OPEN_PAYOUTS]
    return next(iter(live or found), None)


def is_sent(payout: Payout) -> bool:
    """Whether the drawer may have it."""
    return payout.state not in UNSENT


def ticket(turn: Turn, payout: Payout, kind: TicketKind, person: str) -> Ticket:
    """Put a payout into the staff's queue, once however often it is asked for."""
    for open_ in tickets(turn, payout):
        if open_.kind is kind:
            return open_
    ref = ticket_ref(turn.tools.randbelow)
    return turn.open_ticket(kind, ref, person_id=person, circle=payout.circle, subject=payout.ref)


def close_tickets(turn: Turn, payout: Payout, outcome: str) -> None:
    """Take what is about this payout off the staff's queue."""
    for ticket_ in tickets(turn, payout):
        turn.book.put(replace(ticket_, closed_at=turn.at, outcome=outcome))


def tickets(turn: Turn, payout: Payout) -> list[Ticket]:
    """Return what of the staff's queue is about this payout."""
    return turn.book.all(Ticket, subject=payout.ref, circle=payout.circle, closed_at=None)
