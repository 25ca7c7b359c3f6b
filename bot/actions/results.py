"""Arrivals that nobody typed, as commands: the keeper's duties, what the relay learnt, what a pay page says."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from domain import commands as c
from domain.telegram import is_group

DUTIES: Mapping[str, type[c.Duty]] = {c.word(duty): duty for duty in c.Duty.__subclasses__()}
"""`pay_day` is filed for PayDay."""


def read_duty(body: Mapping[str, Any]) -> c.Command | None:
    """Return the command of a duty; None for one that is not the desk's.

    What a rail will say later (the sandbox's pay page may delay its answer) is a duty too.
    """
    duty = DUTIES.get(body["kind"])
    return duty(**{f.name: body[f.name] for f in fields(duty)}) if duty else read_result("", body)


EVENTS: Mapping[str, type[c.Result]] = {
    "collected": c.Collected,
    "collect_pending": c.CollectPending,
    "collect_failed": c.CollectFailed,
    "link_expired": c.LinkExpired,
    "card_back": c.CardBack,
    "refunded": c.Refunded,
    "refund_failed": c.RefundFailed,
    "charged_back": c.ChargedBack,
    "charge_returned": c.ChargeReturned,
    "dispute_closed": c.DisputeClosed,
    "charge": c.Charge,
    "converted": c.Converted,
    "moved_out": c.MovedOut,
    "moved_back": c.MovedOut,
    "line": c.Line,
    "address_moved": c.AddressMoved,
    "group_asked": c.GroupAsked,
    "group_answered": c.GroupAnswered,
    "group_spoke": c.GroupSpoke,
    "group_gone": c.GroupGone,
    "group_moved": c.GroupMoved,
    "phone_ping": c.PhonePing,
    "fetched": c.Fetched,
    "disbursed": c.Disbursed,
    "disburse_failed": c.DisburseFailed,
    "disburse_returned": c.DisburseReturned,
}
"""What rails, banks, card pages and the phone with the SIM tell, in our own words: each adapter translates."""


def read_result(party: str, body: Mapping[str, Any]) -> c.Command | None:
    """Return the command of a rail's or a channel's answer; None when nobody has to act on it."""
    match body:
        case {"kind": "collected", "receipt": receipt, "link": link}:
            return c.LinkReady(receipt, link)
        case {"kind": "disbursed", "refund_id": refund_id, "provider_id": provider_id}:
            return c.Refunded(refund_id, provider_id, str(body.get("carrier") or ""))
        case {"kind": "disburse_failed" | "disburse_returned", "refund_id": refund_id, "reason": reason}:
            return c.RefundFailed(refund_id, reason, carrier=str(body.get("carrier") or ""))
        case {"kind": "refused"}:
            return _refused(party, body)
        case {"kind": "moved_back"}:
            return _read(c.MovedOut, {**body, "back": True})
        case {"kind": str(kind)} if kind in EVENTS:
            return _read(EVENTS[kind], body)
        case _:
            return None


def _refused(party: str, body: Mapping[str, Any]) -> c.Command | None:
    match body:
        case {"of": "capture", "code": "exhausted", "receipt": receipt}:
            return c.CollectPending(receipt)  # nobody answered: the money may have moved, and somebody is called
        case {"of": "collect" | "capture", "receipt": receipt}:
            return c.CollectFailed(receipt, "refused")
        case {"of": "refund" | "disburse", "refund_id": refund_id, "reason": reason}:
            return c.RefundFailed(refund_id, reason)
        case {"of": "disburse", "code": "returned", "payout_id": payout_id, "reason": reason}:
            return c.DisburseReturned(payout_id, reason)  # looked up: it came and went
        case {"of": "disburse", "payout_id": payout_id, "reason": reason}:
            return c.DisburseFailed(payout_id, reason)
        case {"of": "fetch", "party": sender, "code": code}:
            return c.NotFetched(sender, code)
        case {"of": "say", "gone": True}:
            return c.GroupGone(party) if is_group(party) else c.AddressGone(party)
        case _:
            return None


def _read(command: type[c.Result], body: Mapping[str, Any]) -> c.Command:
    """Build a command of the parts that a body holds; what it says beside is not ours."""
    parts = {f.name: body[f.name] for f in fields(command) if body.get(f.name) is not None}
    return command(**{k: tuple(v) if isinstance(v, list) else v for k, v in parts.items()})
