"""Arrivals that nobody typed, as commands: the keeper's duties, what the relay learnt, what a pay page says."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from domain import commands as c


def _word(command: type[c.Command]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", command.__name__).lower()


DUTIES: Mapping[str, type[c.Duty]] = {_word(duty): duty for duty in c.Duty.__subclasses__()}
"""`pay_day` is filed for PayDay."""


def read_duty(body: Mapping[str, Any]) -> c.Command | None:
    """Return the command of a duty; None for one that is not the desk's.

    What a rail will say later (the sandbox's pay page may delay its answer) is a duty too.
    """
    duty = DUTIES.get(body["kind"])
    return duty(**{f.name: body[f.name] for f in fields(duty)}) if duty else read_result("", body)


def read_result(party: str, body: Mapping[str, Any]) -> c.Command | None:
    """Return the command of a rail's or a channel's answer; None when nobody has to act on it."""
    match body:
        case {"kind": "collected", "receipt": receipt, "link": link}:
            return c.LinkReady(receipt, link)
        case {"kind": "collected", "receipt": receipt, "provider_id": provider_id}:
            return c.Collected(receipt, provider_id)
        case {"kind": "collect_failed", "receipt": receipt}:
            return c.CollectFailed(receipt, "declined")
        case {"kind": "refused", "of": "collect", "receipt": receipt}:
            return c.CollectFailed(receipt, "refused")
        case {"kind": "disbursed", "payout_id": payout_id, "provider_id": provider_id}:
            return c.Disbursed(payout_id, provider_id)
        case {"kind": "refused", "of": "disburse", "payout_id": payout_id, "reason": reason}:
            return c.DisburseFailed(payout_id, reason)
        case {"kind": "refused", "of": "say", "gone": True}:
            return c.AddressGone(party)
        case _:
            return None
