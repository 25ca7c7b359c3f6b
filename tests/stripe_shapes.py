"""The shapes of Stripe's objects, forms and errors, taken from Stripe's published API description.

`stripe` (the package) is generated from that description: its classes name every field of an object, its `params` every
parameter of a call. So a field that we make up, or forget, shows at once; nothing here is taken from our adapter.
"""

import typing
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import stripe
from stripe.params import (
    EventListParams,
    PaymentIntentCreateParams,
    PayoutCreateParams,
    RefundCreateParams,
    RefundListParams,
)
from stripe.params.checkout import SessionCreateParams, SessionListParams

SHAPES: Mapping[str, Any] = {
    "account": stripe.Account,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "country_spec": stripe.CountrySpec,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "payment_intent": stripe.PaymentIntent,
    "payout": stripe.Payout,
    "refund": stripe.Refund,
}
_INCLUDED_ON_REQUEST = {"line_items", "refunds", "level3"}
_OPTIONS = set(stripe.RequestOptions.__annotations__)
PARAMETERS: Mapping[tuple[str, str], Any] = {
    ("POST", "checkout/sessions"): SessionCreateParams,
    ("GET", "checkout/sessions"): SessionListParams,
    ("POST", "refunds"): RefundCreateParams,
    ("GET", "refunds"): RefundListParams,
    ("POST", "payouts"): PayoutCreateParams,
    ("POST", "payment_intents"): PaymentIntentCreateParams,
    ("GET", "events"): EventListParams,
}


def fields(kind: str) -> dict[str, bool]:
    """The published fields of an object, and whether each is always there."""
    return {
        name: type(None) not in typing.get_args(hint)
        for name, hint in SHAPES[kind].__annotations__.items()
        if typing.get_origin(hint) is not typing.ClassVar
    }


def thing(kind: str, **given: Any) -> dict[str, Any]:
    """Make an object with every field that is published, null where nothing is given."""
    known = fields(kind)
    if made_up := given.keys() - known.keys():
        raise AssertionError(f"a {kind} has no {sorted(made_up)}")
    blank = {name: None for name in known if name not in _INCLUDED_ON_REQUEST}
    return {**blank, "object": kind, **given}


def unknown_parameter(method: str, path: str, given: Iterable[str]) -> str:
    """Return a parameter that the call does not have, or nothing."""
    params = PARAMETERS.get((method, path))
    known = set(given) if params is None else set(params.__annotations__) - _OPTIONS
    return next((name for name in given if name not in known), "")


def error(kind: str, message: str, code: str = "", param: str = "", **more: Any) -> dict[str, Any]:
    """Make the body of an error."""
    inner: dict[str, Any] = {"message": message, "type": kind, **more}
    if code:
        inner |= {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}
    if param:
        inner["param"] = param
    return {"error": inner}


def parse_form(text: str) -> dict[str, Any]:
    """Read a form as Stripe does: `a[b][0][c]=1` are objects in lists in objects, `a[]=1` appends."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        path = name.replace("]", "").split("[")
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
        last = path[-1] or str(len(node))
        node[last] = value
    return {name: _lists(value) for name, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(each) for name, each in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
