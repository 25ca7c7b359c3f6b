"""What Stripe's objects mean for money, in the project's own neutral events.

Owns the names under which things of Stripe's are filed. A name is made of the id of the thing that moved the money (a
PaymentIntent, a balance transaction, a refund, a payout), never of the event that told of it: so events may come twice,
in any order, from the hook or from a sweep, and money is still filed once. Pure; it must never post, call or
guess an amount. Shapes: docs.stripe.com/api, and the types of the installed library.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from channels.base import Unreadable
from channels.checks import clean, is_id
from domain.messages import Filed

SOURCE: Final = "stripe"
CARRIER: Final = "stripe"

_MOST_MINOR: Final = 10**14
_REASON_LIMIT: Final = 100
_DISPUTE_ENDS: Final = {"won": True, "warning_closed": True, "prevented": True, "lost": False}
"""Whether a closed dispute left the money with us: an inquiry or a prevented dispute never took any."""

Thing = Mapping[str, Any]


def is_live(api_key: str) -> bool | None:
    """Whether a key moves real money; None for a key of a kind that does not say."""
    match api_key.split("_")[:2]:
        case ["sk" | "rk", "live"]:
            return True
        case ["sk" | "rk", "test"]:
            return False
        case _:
            return None


def arrivals_of(event: Thing, *, live: bool | None) -> tuple[Filed, ...]:
    """Translate one event; at least one arrival comes of it.

    `live` is what our own key is for: an event of the other mode is no money. An event that this version does not know,
    or whose object is not what it should be, is filed as `other`. Raises Unreadable for anything that is no event.
    """
    match event:
        case {"id": event_id, "object": "event", "type": str(kind), "data": {"object": dict(thing)}} if is_id(event_id):
            found: tuple[Filed, ...] = ()
            if live is None or event.get("livemode") is live:
                found = tuple(_told(clean(kind), thing))
            return found or (_other(event_id, clean(kind)[:_REASON_LIMIT], thing),)
        case _:
            raise Unreadable("not an event of Stripe")


def of_session(session: Thing) -> Iterator[Filed]:
    """Tell of a Checkout Session that is complete: paid, or waiting for a slow way of paying."""
    ident, receipt = _id(session, "id"), _ours(session, "receipt")
    match session.get("payment_status"):
        case "paid":
            yield from _collected(session, ident, session.get("payment_intent"), session.get("amount_total"))
        case "unpaid" if ident and receipt and session.get("status") == "complete":
            body = {"kind": "collect_pending", "carrier": CARRIER, "receipt": receipt}
            yield _filed(f"collect_pending:{ident}", _payment(receipt, ident), body)


def of_charge(receipt: str, ref: str, charge: Thing, move: Thing) -> Iterator[Filed]:
    """Tell what Stripe kept of a payment, and what it changed it into; `move` is its balance transaction."""
    party = _payment(receipt, ref)
    yield from _fee(move, party, about=receipt or ref)
    yield from _exchange(move, party, charge)


def of_refund_moves(refund: Thing, receipt: str, ref: str) -> Iterator[Filed]:
    """Tell what a refund cost, and what Stripe changed back for it or for its failure (both expanded)."""
    party = _payment(receipt, ref)
    for name in ("balance_transaction", "failure_balance_transaction"):
        match refund.get(name):
            case dict(move):
                yield from _fee(move, party, about=_id(refund, "id"))
                yield from _exchange(move, party, refund)


# --- events by type -------------------------------------------------------------------------------------------------


def _told(kind: str, thing: Thing) -> Iterator[Filed]:
    for start, tell in _BY_KIND.items():
        if kind.startswith(start):
            yield from tell(kind, thing)


def _session(kind: str, session: Thing) -> Iterator[Filed]:
    ident, receipt = _id(session, "id"), _ours(session, "receipt")
    match kind.removeprefix("checkout.session."):
        case "completed" | "async_payment_succeeded":
            yield from of_session(session)
        case "async_payment_failed" if ident and receipt:
            body = {"kind": "collect_failed", "carrier": CARRIER, "receipt": receipt, "reason": "failed"}
            yield _filed(f"collect_failed:{ident}", _payment(receipt, ident), body)
        case "expired" if ident and receipt:
            body = {"kind": "link_expired", "carrier": CARRIER, "receipt": receipt}
            yield _filed(f"link_expired:{ident}", _payment(receipt, ident), body)


def _intent(kind: str, intent: Thing) -> Iterator[Filed]:
    # A decline is no end: the payer is still on Stripe's page and may try another card.
    if kind == "payment_intent.succeeded":
        ident = _id(intent, "id")
        yield from _collected(intent, ident, ident, intent.get("amount_received"))


def _refund(_kind: str, refund: Thing) -> Iterator[Filed]:
    """Tell how a refund stands. One that nobody ordered here (made on Stripe's own pages) has no `refund_id`."""
    ident, refund_id, ref = _id(refund, "id"), _ours(refund, "refund_id"), _ref(refund.get("payment_intent"))
    amount, currency = _amount(refund.get("amount")), _currency(refund)
    if not ident or amount is None or not currency:
        return
    body = {
        "carrier": CARRIER,
        "refund_id": refund_id,
        "provider_id": ident,
        "provider_ref": ref,
        "amount": amount,
        "currency": currency,
    }
    party = f"refund:{refund_id}" if refund_id else f"{CARRIER}:{ref or ident}"
    match refund.get("status"):
        case "succeeded":
            yield _filed(f"refunded:{ident}", party, body | {"kind": "refunded"})
        case "failed" | "canceled" as state:
            reason = _reason(refund.get("failure_reason")) or state
            yield _filed(f"refund_failed:{ident}", party, body | {"kind": "refund_failed", "reason": reason})


def _dispute(kind: str, dispute: Thing) -> Iterator[Filed]:
    """Tell of every movement that the dispute holds, whichever event brought it, and how it ended."""
    ident, ref = _id(dispute, "id"), _ref(dispute.get("payment_intent")) or _ref(dispute.get("charge"))
    if not ident or not ref:
        return
    party = f"{CARRIER}:{ref}"
    about = {"carrier": CARRIER, "receipt": "", "provider_ref": ref, "dispute_id": ident}
    moves = dispute.get("balance_transactions")
    for move in moves if isinstance(moves, list) else []:
        yield from _disputed(move, dispute, party, about)
    won = _DISPUTE_ENDS.get(str(dispute.get("status")))
    if kind == "charge.dispute.closed" and won is not None:
        yield _filed(f"dispute_closed:{ident}", party, about | {"kind": "dispute_closed", "won": won})


def _disputed(move: Any, dispute: Thing, party: str, about: Thing) -> Iterator[Filed]:
    """Tell of one balance transaction of a dispute: the money taken or given back, the fee, the exchange."""
    if not isinstance(move, dict) or not (ident := _id(move, "id")):
        return
    signed, currency = _signed(move.get("amount")), _currency(move)
    if not signed or not currency:
        return
    amount: int | None = abs(signed)
    if currency != _currency(dispute):
        # The members' account is in the currency they paid in: the rest is an exchange, told beside it.
        amount, currency = _amount(dispute.get("amount")), _currency(dispute)
    if not amount or not currency:
        return
    kind = "charged_back" if signed < 0 else "charge_returned"
    body = {**about, "kind": kind, "amount": amount, "currency": currency, "reason": _reason(dispute.get("reason"))}
    yield _filed(f"{kind}:{ident}", party, body)
    yield from _fee(move, party, about=about["dispute_id"])
    yield from _exchange(move, party, dispute)


def _payout(kind: str, payout: Thing) -> Iterator[Filed]:
    """Tell that our balance went to the operator's bank, and that it came back.

    Stripe's balance falls when the payout is made, days before `payout.paid`, and one may fail without ever having
    been paid: so whatever is told first of a payout tells that the money left.
    """
    ident, amount, currency = _id(payout, "id"), _amount(payout.get("amount")), _currency(payout)
    if not ident or not amount or not currency:
        return
    body = {"carrier": CARRIER, "move_id": ident, "amount": amount, "currency": currency}
    yield _filed(f"moved_out:{ident}", f"{CARRIER}:{ident}", body | {"kind": "moved_out"})
    if kind in {"payout.failed", "payout.canceled"}:
        yield _filed(f"moved_back:{ident}", f"{CARRIER}:{ident}", body | {"kind": "moved_back"})


_BY_KIND: Final[Mapping[str, Callable[[str, Thing], Iterator[Filed]]]] = {
    "checkout.session.": _session,
    "payment_intent.": _intent,
    "refund.": _refund,
    "charge.dispute.": _dispute,
    "payout.": _payout,
}
"""By the start of an event's type. `charge.refunded` says nothing that `refund.*` does not."""


# --- parts ----------------------------------------------------------------------------------------------------------


def _collected(thing: Thing, ident: str, intent: Any, amount: Any) -> Iterator[Filed]:
    """Tell that a payment is there, under its PaymentIntent: `completed` and `succeeded` are one."""
    ref, minor, currency, receipt = _ref(intent), _amount(amount), _currency(thing), _ours(thing, "receipt")
    if not ident or not ref or not minor or not currency:
        return
    body = {
        "kind": "collected",
        "carrier": CARRIER,
        "receipt": receipt,
        "provider_id": ident,
        "provider_ref": ref,
        "amount": minor,
        "currency": currency,
    }
    yield _filed(f"collected:{ref}", _payment(receipt, ref), body)


def _fee(move: Thing, party: str, *, about: str) -> Iterator[Filed]:
    ident, fee, currency = _id(move, "id"), _signed(move.get("fee")), _currency(move)
    if ident and fee and currency:
        body = {"kind": "charge", "carrier": CARRIER, "charge_id": ident, "amount": fee, "currency": currency}
        yield _filed(f"charge:{ident}", party, body | {"about": about})


def _exchange(move: Thing, party: str, thing: Thing) -> Iterator[Filed]:
    """Tell of an exchange when the balance moved in another currency than the thing that moved it."""
    ident, moved, theirs = _id(move, "id"), _signed(move.get("amount")), _currency(move)
    amount, ours = _amount(thing.get("amount")), _currency(thing)
    if not ident or not moved or not amount or not theirs or not ours or theirs == ours:
        return
    paid, kept = (amount, ours), (abs(moved), theirs)
    (gave, gave_currency), (got, got_currency) = (paid, kept) if moved > 0 else (kept, paid)
    body = {
        "kind": "converted",
        "carrier": CARRIER,
        "move_id": ident,
        "gave": gave,
        "gave_currency": gave_currency,
        "got": got,
        "got_currency": got_currency,
    }
    yield _filed(f"converted:{ident}", party, body)


def _filed(external_id: str, party: str, body: dict[str, Any]) -> Filed:
    return Filed(SOURCE, external_id, party, "event", body)


def _other(event_id: str, kind: str, thing: Thing) -> Filed:
    about = _id(thing, "id") or event_id
    return _filed(event_id, f"{CARRIER}:{about}", {"kind": "other", "carrier": CARRIER, "type": kind})


def _payment(receipt: str, ref: str) -> str:
    return f"payment:{receipt}" if receipt else f"{CARRIER}:{ref}"


def _id(thing: Thing, name: str) -> str:
    value = thing.get(name)
    return value if is_id(value) and isinstance(value, str) else ""


def _ref(value: Any) -> str:
    """Return the id of a thing that stands there by its id or in full."""
    return _id(value, "id") if isinstance(value, dict) else _id({"id": value}, "id")


def _ours(thing: Thing, name: str) -> str:
    """Return what we ourselves wrote on it. `client_reference_id` is not read: on a payment link the payer sets it."""
    metadata = thing.get("metadata")
    return _id(metadata, name) if isinstance(metadata, dict) else ""


def _signed(value: Any) -> int | None:
    return value if type(value) is int and abs(value) <= _MOST_MINOR else None


def _amount(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_MINOR else None


def _currency(thing: Thing) -> str:
    value = thing.get("currency")
    return value.upper() if isinstance(value, str) and len(value) == len("JMD") and value.isascii() else ""


def _reason(value: Any) -> str:
    return clean(value)[:_REASON_LIMIT]
