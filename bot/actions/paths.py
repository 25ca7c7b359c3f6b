"""The ways money takes out of a circle: cash out of the banker's hands, or the rail under a key that never changes."""

from dataclasses import dataclass, replace

from bot.actions import freezing
from bot.actions.turn import Turn
from bot.words.say import Figure, Refusal, Text, refuse, text
from domain import ledger
from domain.ledger import Hold
from domain.pardna import Circle
from domain.payments import OPEN_PAYOUTS, UNSENT, Payout, PayoutState, Route
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


@dataclass(frozen=True, slots=True)
class Way:
    """How a rail reaches a payee: by which route, to what (safe to show), and how much at once (minor units)."""

    route: Route
    label: str
    most: int


def way(turn: Turn, circle: Circle, person_id: str, amount: int, instead: Payout | None = None) -> Way | Refusal:
    """Find the route that pays a person: their own bank's first, and one that has the money (rules.md 24, 34, 38).

    The sandbox needs no account: it plays one. Refuses when the payee has no account, or when the money stands with
    carriers that cannot pay it out yet: then finance has to move it. What changed lately rests for a day first
    (rules.md 34), unless it is only asked how it will go later `instead` of one that was refused, by the money that
    is held for that.
    """
    where, who = turn.book.destination(person_id), turn.book.person(person_id).first_name
    if not instead and freezing.frozen_until(turn, person_id):
        return refuse("draw_rests", who=who)
    kind = where.kind if where else "cash"
    label = where.label if where else ""
    able = [r for r in turn.tools.payers if r.pays & {kind, "any"} and circle.currency in r.currencies]
    if not turn.tools.payers:
        return refuse("payout_rail_off", circle=circle.name)
    if not able:
        return refuse("payee_no_account" if wants_cash(where) else "payout_no_route", who=who, label=label)
    able.sort(key=lambda r: (not label.upper().startswith(r.word), r.carrier == "sandbox"))
    for route in able:
        most = min(amount, route.most_out or amount)
        held = instead.rail_amount if instead and _is_held_at(instead, route) else 0
        if turn.book.available(ledger.rail(route.carrier, circle.currency)) + held >= most:
            return Way(route, label or "Sandbox", most)
    return refuse("rail_short", rail=able[0].word, amount=circle.money(amount))


def _is_held_at(payout: Payout, route: Route) -> bool:
    return (payout.state, payout.carrier) == (PayoutState.FAILED, route.carrier)


def details(turn: Turn, person_id: str) -> dict[str, object] | None:
    """Return a person's account for an order to a bank, opened; None without one."""
    where = turn.book.destination(person_id)
    if where is None or where.sealed is None:
        return None
    opened = turn.tools.vault.open(f"destination.sealed|{person_id}", where.sealed).decode()
    place, branch, account, holder = [*opened.split("|"), "", "", "", ""][:4]
    name = holder or turn.book.person(person_id).name
    return {"payee_name": name, "bank": place, "branch": branch, "account": account, "account_kind": where.kind}


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
    found = way(turn, circle, payee, payout.rail_amount, payout)
    if isinstance(found, Refusal):
        return replace(payout, via_banker=via_banker, label="", asked_at=turn.at)
    carrier = found.route.carrier
    return replace(payout, via_banker=via_banker, label=found.label, carrier=carrier, asked_at=turn.at)


def how(turn: Turn, circle: Circle, payout: Payout, reader: str = "") -> Text:
    """Say in words how a payout reaches the drawer, to the banker as what they do themselves."""
    figures: dict[str, Figure] = {
        "banker": turn.book.person(payout.started_by).first_name,
        "label": payout.label,
        "hand": circle.money(payout.by_hand, ref=payout.ref),
        "rail": circle.money(payout.rail_amount, ref=payout.ref),
    }
    by_hand = not payout.rail_amount or payout.via_banker
    if reader == circle.banker_id and (by_hand or payout.cash):
        return text("how_cash_you", **figures) if by_hand else text("how_both_you", **figures)
    if by_hand:
        return text("how_cash", **figures)
    return text("how_both", **figures) if payout.cash else text("how_rail", **figures)


def hold(payout: Payout, circle: Circle) -> Hold:
    """Return what keeps a payout's money at its carrier for it, from the second yes until the carrier has paid."""
    out, rail = source(circle, payout), ledger.rail(payout.carrier, circle.currency)
    return Hold(f"{payout.key}:held", "payout", circle.currency, out, rail, payout.rail_amount, circle.code)


def source(circle: Circle, payout: Payout) -> ledger.Account:
    """Return what the rail's money comes out of. By way of the banker it becomes cash in their hands."""
    if payout.kind == "fee":
        return ledger.fee(circle.code)
    return ledger.cash(circle.code) if payout.via_banker else ledger.payable(circle.code, payout.round)


def payee_of(payout: Payout) -> str:
    """Return whose account the rail pays into: by way of the banker it is theirs who started it."""
    return payout.started_by if payout.via_banker else payout.person_id


def resting(turn: Turn, payout: Payout) -> Refusal | None:
    """Refuse while the person's draws are held, or while what changed on the payee's side rests (rules.md 34, 53)."""
    if freezing.is_held(turn, payout.person_id):
        return refuse("draw_rests", who=turn.book.person(payout.person_id).first_name)
    payee = payee_of(payout)
    if payout.rail_amount and freezing.frozen_until(turn, payee):
        return refuse("draw_rests", who=turn.book.person(payee).first_name)
    return None


def send(turn: Turn, circle: Circle, payout: Payout) -> None:
    """Have the carrier pay. The key stays the same until it came back: it is paid once, whatever happens (37)."""
    payee = payee_of(payout)
    body: dict[str, object] = {
        "amount": payout.rail_amount,
        "currency": circle.currency.value,
        "payee": payee,
        "payout_ref": payout.ref,
        **(details(turn, payee) or {}),
    }
    turn.order("disburse", payout.carrier, payout.key, body, {"payout_id": payout.id})


def next_try(turn: Turn, payout: Payout) -> Payout:
    """Return the payout that pays anew what another did not bring to its person, under a key of its own."""
    anew = replace(payout, id=turn.tools.new_id(), tries=payout.tries + 1, charge=0)
    return replace(anew, provider_ref=None, sent_at=None, ended_at=None, out_line=None, back_line=None)


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
    return turn.open_ticket(kind, person_id=person, circle=payout.circle, subject=payout.ref)


def close_tickets(turn: Turn, payout: Payout, outcome: str) -> None:
    """Take what is about this payout off the staff's queue."""
    for ticket_ in tickets(turn, payout):
        turn.book.put(replace(ticket_, closed_at=turn.at, outcome=outcome))


def tickets(turn: Turn, payout: Payout) -> list[Ticket]:
    """Return what of the staff's queue is about this payout."""
    return turn.book.all(Ticket, subject=payout.ref, circle=payout.circle, closed_at=None)
