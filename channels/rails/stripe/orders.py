"""Orders as Stripe's parameters, and its answers as outcomes. Pure.

What is sent is made of the order alone, never of the time or of chance: the same key with other parameters is an error
to Stripe. No name, address or telephone number of a person is ever among it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from channels.base import Outcome, Refused, Sent, Unknown
from channels.rails.stripe.translate import of_session

SHORTEST_LINK_SECONDS: Final = 3600
"""Stripe takes 30 minutes at least, counted from the try that it hears; an hour leaves half of it for trying again."""
LONGEST_LINK_SECONDS: Final = 24 * 3600 - 300
LIMITS: Final[Mapping[str, tuple[int, int]]] = {"JMD": (1, 99_999_999), "USD": (50, 99_999_999)}
"""The least and the most of one payment in minor units (docs.stripe.com/currencies); both have two decimals.
Stripe itself refuses Jamaican dollars that are worth less than the least it takes in the currency it settles in."""
_NAME_LIMIT: Final = 250

Thing = Mapping[str, Any]


def refusal_of(order: Thing, now: float) -> Refused | None:
    """Refuse what Stripe would not take, before asking it."""
    least, most = LIMITS.get(order["currency"], (1, 0))
    end = seconds(order, "expires_at")
    match order["amount"]:
        case _ if not most:
            return Refused("Stripe takes JMD and USD here", "currency")
        case amount if amount < least:
            return Refused("less than Stripe takes", "amount_too_small")
        case amount if amount > most:
            return Refused("more than Stripe takes", "amount_too_large")
        case _ if end is not None and end <= now:
            return Refused("the time to pay is over", "expired")
        case _:
            return None


def session_of(order: Thing) -> SessionCreateParams:
    """Return the parameters of a Checkout Session for one payment, with our receipt on it and on its PaymentIntent."""
    receipt = order["receipt"]
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order["currency"].lower(),
                    "unit_amount": order["amount"],
                    "product_data": {
                        "name": (order.get("circle_name") or receipt)[:_NAME_LIMIT],
                        "description": receipt,
                    },
                },
            }
        ],
        "client_reference_id": receipt,
        "metadata": {"receipt": receipt},
        "payment_intent_data": {"metadata": {"receipt": receipt}},
        # The payer sees the amount that we asked for, in its own currency.
        "adaptive_pricing": {"enabled": False},
        "success_url": order["link"],
        "cancel_url": order["link"],
    }
    if (end := seconds(order, "expires_at")) is not None:
        began = seconds(order, "began")
        if began is not None:
            end = min(max(end, began + SHORTEST_LINK_SECONDS), began + LONGEST_LINK_SECONDS)
        params["expires_at"] = int(end)
    return params


def refund_of(order: Thing) -> RefundCreateParams:
    """Return the parameters of a refund, with our id on it."""
    return {
        "payment_intent": order["provider_ref"],
        "amount": order["amount"],
        "metadata": {"refund_id": order["refund_id"]},
    }


def linked(session: Thing) -> Outcome:
    """Read a Checkout Session: its page while it is open, what came of it when it is complete."""
    match session:
        case {"id": str(ident), "status": "open", "url": str(url)}:
            return Sent(ident, {"link": url})
        case {"id": str(ident), "status": "complete"}:
            return Sent(ident, arrivals=tuple(of_session(session)))
        case {"status": "expired"}:
            return Refused("the link has expired", "expired")
        case _:
            return Unknown("strange answer")


def refunded(refund: Thing) -> Outcome:
    """Read a refund: done, on its way, or failed."""
    match refund:
        case {"id": str(ident), "status": "succeeded"}:
            return Sent(ident, {"settled": True})
        case {"status": "failed" | "canceled" as status}:
            return Refused("the refund failed", str(refund.get("failure_reason") or status))
        case {"id": str(ident), "object": "refund"}:
            return Sent(ident)
        case _:
            return Unknown("strange answer")


def seconds(order: Thing, name: str) -> float | None:
    """Return a time of the order in Unix seconds, if it has it."""
    value = order.get(name)
    return datetime.fromisoformat(value).timestamp() if value else None


def written(thing: Thing, name: str) -> str:
    """Return what we wrote on a thing of Stripe's, or nothing."""
    return str((thing.get("metadata") or {}).get(name, ""))
