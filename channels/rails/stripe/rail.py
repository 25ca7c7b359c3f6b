"""Money in by Stripe's Checkout page, refunds, and questions about fees, missed events and the account.

Orders go out with the key that was kept before the call. Stripe forgets a key after a day and repeats a failure of its
own for it until then; in both cases the order is looked for by what we wrote on it before it is made again. Nothing
about a person is ever sent. Money out is not possible: Stripe offers Jamaica no transfers to others. Never posts
money: it tells.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import stripe

from channels.base import Outcome, Plain, Refused, Retry, Sent, Unknown, Unreadable
from channels.http import Http
from channels.rails.stripe import account, translate
from channels.rails.stripe.orders import (
    LONGEST_LINK_SECONDS,
    Thing,
    linked,
    refund_of,
    refunded,
    refusal_of,
    seconds,
    session_of,
    written,
)
from channels.rails.stripe.wire import (
    NoAnswer,
    make_client,
    may_be_asked_anew,
    may_be_done,
    outcome_of,
    trouble_while_reading,
)
from domain.messages import Filed

KEY_LIFE_SECONDS: Final = 23 * 3600
"""Stripe may forget a key after 24 hours: an hour earlier it is no longer relied on."""
FEE_WAIT_SECONDS: Final = 300.0
"""A balance transaction comes seconds after a card payment, but nobody promises when."""
PAGE: Final = 100
MOST_PAGES: Final = 20
LONGEST_MEMORY_SECONDS: Final = 30 * 86400
"""Stripe keeps events for 30 days."""

_TROUBLE: Final = (stripe.StripeError, NoAnswer)
Listing = Callable[[Any], Awaitable[Any]]
"""A `list_async` of the library's; each takes parameters of a type of its own."""


class StripeRail(Plain):
    """Stripe behind the library's client over `http`; `base_url` has no version path, `now` is the wall clock.

    Orders: collect `{amount, currency, receipt, link, circle_name?, expires_at?, began?}`, refund `{amount, currency,
    refund_id, provider_ref, began?}`, enquire `{what: fees | sweep | account, ...}`. Times are ISO 8601 with offset;
    `began` is when the order was first made.
    """

    name = "stripe"

    def __init__(self, http: Http, api_key: str, base_url: str, now: Callable[[], float]) -> None:
        self._client = make_client(http, api_key, base_url)
        self._live = translate.is_live(api_key)
        self._now = now

    async def collect(self, order: Thing, key: str) -> Outcome:
        """Make a Checkout Session; `link` in the detail is its page. The hook tells when it was paid."""
        if (refusal := refusal_of(order, self._now())) is not None:
            return refusal

        async def make(key: str) -> Thing:
            made = await self._client.v1.checkout.sessions.create_async(session_of(order), {"idempotency_key": key})
            return made.to_dict()

        return await self._once(order, key, make, lambda: self._session_for(order), linked)

    async def refund(self, order: Thing, key: str) -> Outcome:
        """Give a payment back. `settled` in the detail: done; without it the hook tells."""
        if not str(order.get("provider_ref", "")).startswith("pi_"):
            return Refused("Stripe knows no payment to give back", "unknown_payment")

        async def make(key: str) -> Thing:
            made = await self._client.v1.refunds.create_async(refund_of(order), {"idempotency_key": key})
            return made.to_dict()

        return await self._once(order, key, make, lambda: self._refund_for(order), refunded)

    async def enquire(self, order: Thing, key: str) -> Outcome:  # noqa: ARG002 - a question needs no key
        """Ask about a payment's `fees`, for events missed (`sweep`), or how the `account` stands."""
        try:
            match order.get("what"):
                case "fees":
                    return await self._fees(order)
                case "sweep":
                    return await self._sweep(order)
                case "account":
                    ident, faults = await account.state(self._client)
                    return Sent(ident, {"faults": faults})
                case _:
                    return Refused("Stripe cannot be asked that", "unable")
        except _TROUBLE as trouble:
            return trouble_while_reading(trouble)

    async def look_up(self, kind: str, order: Thing, key: str) -> Outcome:
        """Look for a refund by what we wrote on it. Retry: Stripe never had it."""
        if kind != "refund":
            return await super().look_up(kind, order, key)
        try:
            found = await self._refund_for(order)
        except _TROUBLE as trouble:
            return Unknown(f"not looked up: {outcome_of(trouble).reason}")
        return Retry("never taken") if found is None else refunded(found)

    async def check(self) -> list[str]:
        """Return what is wrong with the account, each in words that say what to do; empty when all is well."""
        try:
            return (await account.state(self._client))[1]
        except _TROUBLE as trouble:
            return [account.unreachable(outcome_of(trouble))]

    # --- once ---

    async def _once(
        self,
        order: Thing,
        key: str,
        make: Callable[[str], Awaitable[Thing]],
        find: Callable[[], Awaitable[Thing | None]],
        read: Callable[[Thing], Outcome],
    ) -> Outcome:
        """Make a thing once for its key: look for it first when Stripe no longer answers for the key."""
        began = seconds(order, "began")
        try:
            if began is not None and self._now() - began > KEY_LIFE_SECONDS and (old := await find()) is not None:
                return read(old)
            try:
                return read(await make(key))
            except stripe.StripeError as error:
                if not may_be_done(error):
                    raise
                if (done := await find()) is not None:
                    return read(done)
                if not may_be_asked_anew(error):
                    raise
            return read(await make(f"{key}:again"))
        except _TROUBLE as trouble:
            return outcome_of(trouble)

    async def _session_for(self, order: Thing) -> Thing | None:
        """Find the session with our receipt, newest first. Sessions cannot be searched, only listed."""
        began = int(seconds(order, "began") or self._now() - LONGEST_LINK_SECONDS)
        listing = self._client.v1.checkout.sessions.list_async
        async for session in _pages(listing, {"created": {"gte": began - 60}}):
            if written(session, "receipt") == order["receipt"]:
                return session
        return None

    async def _refund_for(self, order: Thing) -> Thing | None:
        async for refund in self._refunds(order["provider_ref"]):
            if written(refund, "refund_id") == order["refund_id"]:
                return refund
        return None

    def _refunds(self, intent: str) -> AsyncIterator[Thing]:
        moves = ["data.balance_transaction", "data.failure_balance_transaction"]
        return _pages(self._client.v1.refunds.list_async, {"payment_intent": intent, "expand": moves})

    # --- questions ---

    async def _fees(self, order: Thing) -> Outcome:
        """Tell what a payment and all its refunds cost so far. Retry: Stripe has not booked it yet."""
        ref, receipt = order["provider_ref"], order.get("receipt", "")
        expand = ["latest_charge.balance_transaction"]
        intent = (await self._client.v1.payment_intents.retrieve_async(ref, {"expand": expand})).to_dict()
        match intent.get("latest_charge"):
            case {"balance_transaction": dict(move)}:
                told = [*translate.of_charge(receipt, ref, intent["latest_charge"], move)]
                async for refund in self._refunds(ref):
                    told += translate.of_refund_moves(refund, receipt, ref)
                return Sent(ref, arrivals=tuple(told))
            case _:
                return Retry("not booked yet", FEE_WAIT_SECONDS)

    async def _sweep(self, order: Thing) -> Outcome:
        """Tell of the events since `since` that Stripe could not deliver, newest first.

        `until` in the detail, when there are more than can be told at once: the order for the next sweep takes it.
        """
        created = {"gte": int(seconds(order, "since") or self._now() - LONGEST_MEMORY_SECONDS)}
        if until := order.get("until"):
            created["lte"] = int(until)
        told: list[Filed] = []
        last: Thing = {}
        count = 0
        async for event in _pages(self._client.v1.events.list_async, {"delivery_success": False, "created": created}):
            with suppress(Unreadable):
                told += translate.arrivals_of(event, live=self._live)
            last, count = event, count + 1
        more = {"until": last["created"]} if count == PAGE * MOST_PAGES else {}
        return Sent("sweep", more, tuple(told))


async def _pages(listing: Listing, params: Thing) -> AsyncIterator[Thing]:
    """List all there is, newest first, page by page, up to MOST_PAGES."""
    params = {**params, "limit": PAGE}
    for _ in range(MOST_PAGES):
        answer = (await listing(params)).to_dict()
        things = answer.get("data") or []
        for thing in things:
            yield thing
        if not things or not answer.get("has_more"):
            return
        params = {**params, "starting_after": things[-1]["id"]}
