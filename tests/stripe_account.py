"""An account at Stripe: sessions, payments, refunds, disputes, payouts, and the balance that they move.

No HTTP here; tests/stripe_standin.py serves it. Amounts are minor units, currencies in lower case. Every movement of
the balance is a balance transaction, and every change an event with a copy of its object as it was then.
"""

import copy
import time
from collections.abc import Callable, Iterable
from itertools import count
from secrets import token_hex
from typing import Any

from tests.standins import RefusedError
from tests.stripe_shapes import error, thing

VERSION = "2026-10-28.endive"
HALF_HOUR_SECONDS = 1800
DAY_SECONDS = 86_400
LEAST_USD_CENTS = 50
FIXED_FEE = {"usd": 30, "jmd": 4_800}
DISPUTE_FEE = {"usd": 1_500, "jmd": 240_000}
KINDS = {
    "checkout/sessions": "checkout.session",
    "payment_intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "payouts": "payout",
    "balance_transactions": "balance_transaction",
    "events": "event",
}
Thing = dict[str, Any]


class StripeAccount:
    """One account, in test mode, and what people and banks may do to it."""

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.time
        """The clock by which pages expire."""
        self.country = "US"
        self.currencies = ["usd", "jmd", "cad"]
        self.charges_enabled = True
        self.payouts_enabled = True
        self.settles_in = ""
        """The one currency of the balance; empty: what is paid in it stays in it."""
        self.jmd_per_usd = 160.0
        self.refunds_are = "succeeded"
        self.books_fees_late = False
        """Charges get their balance transaction only at `book_fees()`."""
        self._things: dict[str, Thing] = {}
        self._delivered: set[str] = set()
        self._serials = count(1)

    async def delivered(self) -> None:
        """Wait until everything that is being delivered has been."""

    # --- what a test may see and do ---

    def of_kind(self, kind: str) -> list[Thing]:
        """All objects of a kind, oldest first, as they are now."""
        return [each for each in self._things.values() if each["object"] == kind]

    def get(self, ident: str) -> Thing:
        """One object by its id."""
        return self._things[ident]

    def statement(self) -> list[Thing]:
        """Stripe's own list of what moved its balance, oldest first."""
        return self.of_kind("balance_transaction")

    def balance_of(self, currency: str) -> int:
        """What Stripe holds for us, pending and available."""
        return sum(move["net"] for move in self.statement() if move["currency"] == currency)

    async def pay(self, session_id: str) -> str:
        """Pay on the page with a good card; returns the PaymentIntent."""
        session = self._open(session_id)
        intent = self._intent(session["amount_total"], session["currency"], self._meta_of(session))
        self._charge(intent)
        session.update(status="complete", payment_status="paid", payment_intent=intent["id"], url=None)
        self._event("checkout.session.completed", session)
        await self.delivered()
        return str(intent["id"])

    async def stray(self, amount: int, currency: str = "jmd") -> str:
        """Have somebody pay by a link made by hand: nothing of ours is written on it. Returns the PaymentIntent."""
        data = {"currency": currency, "unit_amount": str(amount), "product_data": {"name": "A link made by hand"}}
        items = [{"quantity": "1", "price_data": data}]
        session = self._make_session({"mode": "payment", "line_items": items, "success_url": "https://pay.example"})
        return await self.pay(session["id"])

    async def pay_async(self, session_id: str) -> str:
        """Promise to pay by something slow; returns the PaymentIntent, in process."""
        session = self._open(session_id)
        intent = self._intent(session["amount_total"], session["currency"], self._meta_of(session))
        intent["status"] = "processing"
        self._event("payment_intent.processing", intent)
        session.update(status="complete", payment_status="unpaid", payment_intent=intent["id"], url=None)
        self._event("checkout.session.completed", session)
        await self.delivered()
        return str(intent["id"])

    async def async_succeeds(self, session_id: str) -> None:
        """Let the slow payment come."""
        session = self.get(session_id)
        self._charge(self.get(session["payment_intent"]))
        session["payment_status"] = "paid"
        self._event("checkout.session.async_payment_succeeded", session)
        await self.delivered()

    async def async_fails(self, session_id: str) -> None:
        """Let the slow payment fail."""
        session = self.get(session_id)
        intent = self.get(session["payment_intent"])
        intent["status"] = "requires_payment_method"
        self._event("payment_intent.payment_failed", intent)
        self._event("checkout.session.async_payment_failed", session)
        await self.delivered()

    async def decline(self, session_id: str) -> None:
        """Try to pay with a bad card: the page stays open."""
        session = self._open(session_id)
        intent = self._intent(session["amount_total"], session["currency"], self._meta_of(session))
        intent["last_payment_error"] = error("card_error", "Your card was declined.", "card_declined")["error"]
        self._event("payment_intent.payment_failed", intent)
        await self.delivered()

    async def expire(self, session_id: str) -> None:
        """Let the page expire."""
        session = self._open(session_id)
        session.update(status="expired", url=None)
        self._event("checkout.session.expired", session)
        await self.delivered()

    def book_fees(self) -> None:
        """Book the charges that have waited for it."""
        for charge in self.of_kind("charge"):
            if charge["paid"] and charge["balance_transaction"] is None:
                self._book_charge(charge)
                self._event("charge.updated", charge)

    async def settle_refund(self, refund_id: str) -> None:
        """Let a pending refund succeed."""
        refund = self.get(refund_id)
        refund["status"] = "succeeded"
        self._event("refund.updated", refund)
        await self.delivered()

    async def fail_refund(self, refund_id: str, reason: str = "lost_or_stolen_card") -> None:
        """Let a refund fail, even one that succeeded: the money comes back to the balance."""
        refund = self.get(refund_id)
        back = self._move("refund_failure", refund["amount"], refund["currency"], refund_id)
        refund.update(status="failed", failure_reason=reason, failure_balance_transaction=back["id"])
        self.get(refund["charge"])["amount_refunded"] -= refund["amount"]
        self._event("refund.updated", refund)
        self._event("refund.failed", refund)
        await self.delivered()

    async def dispute(
        self, intent_id: str, reason: str = "fraudulent", *, inquiry: bool = False, amount: int = 0
    ) -> str:
        """Let the bank dispute a payment, or part of it; the money is taken at once, unless it only inquires."""
        charge = self.get(self.get(intent_id)["latest_charge"])
        charge["disputed"] = True
        dispute = self._make_dispute(charge, intent_id, reason, inquiry=inquiry) | {
            "amount": amount or charge["amount"]
        }
        self._keep(dispute)
        self._event("charge.dispute.created", dispute)
        if not inquiry:
            fee = DISPUTE_FEE[self.settles_in or charge["currency"]]
            taken = self._move("adjustment", -dispute["amount"], charge["currency"], dispute["id"], fee)
            dispute["balance_transactions"].append(taken)
            self._event("charge.dispute.funds_withdrawn", dispute)
        await self.delivered()
        return str(dispute["id"])

    async def win(self, dispute_id: str, *, fee_back: bool = False, amount: int = 0) -> None:
        """Let us win: the money comes back, or part of it, and perhaps the fee."""
        dispute = self.get(dispute_id)
        if dispute["balance_transactions"]:
            fee = -DISPUTE_FEE[self.settles_in or dispute["currency"]] if fee_back else 0
            back = self._move("adjustment", amount or dispute["amount"], dispute["currency"], dispute_id, fee)
            dispute["balance_transactions"].append(back)
            self._event("charge.dispute.funds_reinstated", dispute)
        dispute["status"] = "won" if dispute["balance_transactions"] else "warning_closed"
        self._event("charge.dispute.closed", dispute)
        await self.delivered()

    async def lose(self, dispute_id: str) -> None:
        """Let us lose."""
        dispute = self.get(dispute_id)
        dispute["status"] = "lost"
        self._event("charge.dispute.closed", dispute)
        await self.delivered()

    async def pay_out(self, amount: int, currency: str) -> str:
        """Send our balance to the operator's bank, as Stripe does by itself."""
        payout = self._pay_out({"amount": str(amount), "currency": currency}, automatic=True)
        await self.delivered()
        return str(payout["id"])

    async def payout_arrives(self, payout_id: str) -> None:
        """Let the bank have it."""
        payout = self.get(payout_id)
        payout["status"] = "paid"
        self._event("payout.paid", payout)
        await self.delivered()

    async def payout_fails(self, payout_id: str) -> None:
        """Let the bank send it back."""
        payout = self.get(payout_id)
        back = self._move("payout_failure", payout["amount"], payout["currency"], payout_id)
        payout.update(
            status="failed",
            failure_code="account_closed",
            failure_balance_transaction=back["id"],
            failure_message="The bank account has been closed",
        )
        self._event("payout.failed", payout)
        await self.delivered()

    # --- Checkout, PaymentIntents, charges ---

    def _make_session(self, params: Thing) -> Thing:
        now = int(self.now())
        expires_at = int(params.get("expires_at", now + DAY_SECONDS))
        if not now + HALF_HOUR_SECONDS <= expires_at <= now + DAY_SECONDS:
            words = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
            raise RefusedError(400, error("invalid_request_error", words, param="expires_at"))
        for name in ("mode", "line_items", "success_url"):
            _required(params, name)
        price = params["line_items"][0]["price_data"]
        amount = int(price["unit_amount"]) * int(params["line_items"][0]["quantity"])
        currency = self._payable(amount, price["currency"])
        _required(price["product_data"], "name")
        ident = f"cs_test_{token_hex(20)}"
        return self._keep(
            thing(
                "checkout.session",
                id=ident,
                adaptive_pricing={"enabled": params.get("adaptive_pricing", {}).get("enabled") != "false"},
                amount_subtotal=amount,
                amount_total=amount,
                automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
                cancel_url=params.get("cancel_url"),
                client_reference_id=params.get("client_reference_id"),
                created=now,
                currency=currency,
                custom_fields=[],
                custom_text={
                    "after_submit": None,
                    "shipping_address": None,
                    "submit": None,
                    "terms_of_service_acceptance": None,
                },
                expires_at=expires_at,
                livemode=False,
                metadata=params.get("metadata", {}),
                mode=params["mode"],
                payment_method_options={},
                payment_method_types=["card"],
                payment_status="unpaid",
                shipping_options=[],
                status="open",
                success_url=params["success_url"],
                ui_mode="hosted_page",
                url=f"https://checkout.stripe.com/c/pay/{ident}#fidkdWxOYHwnPyd1blpxYHZxWjA0",
            )
            | {"_meta": params.get("payment_intent_data", {}).get("metadata", {})}
        )

    def _meta_of(self, session: Thing) -> Thing:
        return dict(session["_meta"])

    def _open(self, session_id: str) -> Thing:
        session = self._named("checkout.session", session_id)
        if session["status"] != "open":
            words = f'Only Checkout Sessions with a status in ["open"] can be expired: {session["status"]}'
            raise RefusedError(400, error("invalid_request_error", words))
        return session

    def _make_intent(self, params: Thing) -> Thing:
        currency = self._payable(int(params["amount"]), params["currency"])
        intent = self._intent(int(params["amount"]), currency, params.get("metadata", {}))
        intent["payment_method"] = params.get("payment_method")
        if params.get("confirm") == "true":
            if params["payment_method"] == "pm_card_chargeDeclined":
                refusal = error(
                    "card_error", "Your card was declined.", "card_declined", decline_code="generic_decline"
                )
                raise RefusedError(402, refusal)
            self._charge(intent)
        return intent

    def _intent(self, amount: int, currency: str, metadata: Thing) -> Thing:
        ident = self._id("pi")
        intent = thing(
            "payment_intent",
            id=ident,
            amount=amount,
            amount_capturable=0,
            amount_received=0,
            capture_method="automatic_async",
            client_secret=f"{ident}_secret_{token_hex(12)}",
            confirmation_method="automatic",
            created=int(time.time()),
            currency=currency,
            livemode=False,
            metadata=dict(metadata),
            payment_method_types=["card"],
            status="requires_payment_method",
        )
        self._keep(intent)
        self._event("payment_intent.created", intent)
        return intent

    def _charge(self, intent: Thing) -> None:
        address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
        charge = thing(
            "charge",
            id=self._id("ch"),
            amount=intent["amount"],
            amount_captured=intent["amount"],
            amount_refunded=0,
            billing_details={"address": address, "email": None, "name": None, "phone": None, "tax_id": None},
            captured=True,
            created=int(time.time()),
            currency=intent["currency"],
            disputed=False,
            fraud_details={},
            livemode=False,
            metadata=dict(intent["metadata"]),
            paid=True,
            payment_intent=intent["id"],
            refunded=False,
            status="succeeded",
        )
        self._keep(charge)
        if not self.books_fees_late:
            self._book_charge(charge)
        intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"])
        self._event("charge.succeeded", charge)
        self._event("payment_intent.succeeded", intent)

    def _book_charge(self, charge: Thing) -> None:
        amount, currency, _ = self._settled(charge["amount"], charge["currency"])
        fee = round(amount * 29 / 1000) + FIXED_FEE[currency]
        move = self._move("charge", charge["amount"], charge["currency"], charge["id"], fee)
        charge["balance_transaction"] = move["id"]

    def _payable(self, amount: int, currency: str) -> str:
        if currency != currency.lower() or currency not in self.currencies:
            words = f"Invalid currency: {currency}."
            raise RefusedError(400, error("invalid_request_error", words, "invalid_currency", "currency"))
        cents = amount / self.jmd_per_usd if currency == "jmd" else amount
        if cents < LEAST_USD_CENTS:
            words = "The Checkout Session's total amount must convert to at least 50 cents."
            raise RefusedError(400, error("invalid_request_error", words, "amount_too_small"))
        if amount > 99_999_999:
            words = "Amount must be no more than $999,999.99"
            raise RefusedError(400, error("invalid_request_error", words, "amount_too_large", "amount"))
        return currency

    # --- refunds, disputes, payouts ---

    def _make_refund(self, params: Thing) -> Thing:
        intent = self._named("payment_intent", params.get("payment_intent", ""), "payment_intent")
        charge = self._named("charge", intent["latest_charge"] or "", "payment_intent")
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(params.get("amount", left))
        if not left:
            words = f"Charge {charge['id']} has already been refunded."
            raise RefusedError(400, error("invalid_request_error", words, "charge_already_refunded"))
        if not 0 < amount <= left:
            words = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise RefusedError(400, error("invalid_request_error", words, param="amount"))
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        refund = thing(
            "refund",
            id=self._id("re"),
            amount=amount,
            charge=charge["id"],
            created=int(time.time()),
            currency=charge["currency"],
            metadata=params.get("metadata", {}),
            payment_intent=intent["id"],
            reason=params.get("reason"),
            status=self.refunds_are,
        )
        self._keep(refund)
        refund["balance_transaction"] = self._move("refund", -amount, charge["currency"], refund["id"])["id"]
        self._event("refund.created", refund)
        self._event("charge.refunded", charge)
        return refund

    def _make_dispute(self, charge: Thing, intent_id: str, reason: str, *, inquiry: bool) -> Thing:
        now = int(time.time())
        return self._keep(
            thing(
                "dispute",
                id=self._id("du"),
                amount=charge["amount"],
                balance_transactions=[],
                charge=charge["id"],
                created=now,
                currency=charge["currency"],
                enhanced_eligibility_types=[],
                evidence={"enhanced_evidence": {}},
                evidence_details={
                    "due_by": now + 7 * DAY_SECONDS,
                    "enhanced_eligibility": {},
                    "has_evidence": False,
                    "past_due": False,
                    "submission_count": 0,
                    "submission_method": "not_submitted",
                },
                is_charge_refundable=inquiry,
                livemode=False,
                metadata={},
                payment_intent=intent_id,
                reason=reason,
                status="warning_needs_response" if inquiry else "needs_response",
            )
        )

    def _pay_out(self, params: Thing, *, automatic: bool = False) -> Thing:
        amount, currency = int(params["amount"]), params["currency"]
        if amount > self.balance_of(currency):
            words = "You have insufficient funds in your Stripe account for this transfer."
            raise RefusedError(400, error("invalid_request_error", words, "balance_insufficient"))
        now = int(time.time())
        payout = thing(
            "payout",
            id=self._id("po"),
            amount=amount,
            arrival_date=now + 2 * DAY_SECONDS,
            automatic=automatic,
            created=now,
            currency=currency,
            livemode=False,
            metadata={},
            method="standard",
            reconciliation_status="in_progress" if automatic else "not_applicable",
            source_type="card",
            status="pending",
            type="bank_account",
        )
        self._keep(payout)
        payout["balance_transaction"] = self._move("payout", -amount, currency, payout["id"], settled=True)["id"]
        self._event("payout.created", payout)
        return payout

    # --- balance and account ---

    def _settled(self, amount: int, currency: str) -> tuple[int, str, float | None]:
        """An amount in the currency that the balance is kept in, and the rate of exchange."""
        kept_in = self.settles_in or currency
        if kept_in == currency:
            return amount, currency, None
        rate = 1 / self.jmd_per_usd if currency == "jmd" else self.jmd_per_usd
        return round(amount * rate), kept_in, rate

    def _move(
        self, kind: str, amount: int, currency: str, source: str, fee: int = 0, *, settled: bool = False
    ) -> Thing:
        minor, kept_in, rate = (amount, currency, None) if settled else self._settled(amount, currency)
        details = {"amount": fee, "application": None, "currency": kept_in, "type": "stripe_fee"}
        now = int(time.time())
        return self._keep(
            thing(
                "balance_transaction",
                id=self._id("txn"),
                amount=minor,
                available_on=now,
                balance_type="payments",
                created=now,
                currency=kept_in,
                exchange_rate=rate,
                fee=fee,
                fee_details=[details | {"description": "Stripe processing fees"}] if fee else [],
                net=minor - fee,
                reporting_category="dispute" if kind == "adjustment" else kind,
                source=source,
                status="available",
                type=kind,
            )
        )

    def _balance(self) -> Thing:
        held = {move["currency"] for move in self.statement()} or {self.settles_in or "usd"}
        amounts = [
            {"amount": self.balance_of(each), "currency": each, "source_types": {"card": self.balance_of(each)}}
            for each in sorted(held)
        ]
        return thing("balance", available=amounts, pending=[dict(each, amount=0) for each in amounts], livemode=False)

    def _account(self) -> Thing:
        return thing(
            "account",
            id="acct_1Pardna",
            charges_enabled=self.charges_enabled,
            country=self.country,
            default_currency=self.settles_in or "usd",
            details_submitted=True,
            payouts_enabled=self.payouts_enabled,
            type="standard",
        )

    def _country(self, country: str) -> Thing:
        if country != self.country:
            raise RefusedError(404, error("invalid_request_error", f"No such country: '{country}'", "resource_missing"))
        return thing(
            "country_spec",
            id=country,
            default_currency="usd",
            supported_bank_account_currencies={"usd": [country]},
            supported_payment_currencies=list(self.currencies),
            supported_payment_methods=["ach", "card", "stripe"],
            supported_transfer_countries=[country],
            verification_fields={
                "company": {"additional": [], "minimum": []},
                "individual": {"additional": [], "minimum": []},
            },
        )

    # --- keeping and showing ---

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._serials):06d}{token_hex(6)}"

    def _keep(self, made: Thing) -> Thing:
        self._things[made["id"]] = made
        return made

    def _named(self, kind: str, ident: str, param: str = "id") -> Thing:
        found = self._things.get(ident)
        if found is None or found["object"] != kind:
            words = f"No such {kind}: '{ident}'"
            raise RefusedError(404, error("invalid_request_error", words, "resource_missing", param))
        return found

    def _list(self, path: str, params: Thing) -> Thing:
        limit = int(params.pop("limit", 10))
        if not 1 <= limit <= 100:
            raise RefusedError(400, error("invalid_request_error", "limit must be 1 to 100", param="limit"))
        after = params.pop("starting_after", "")
        found = [each for each in reversed(self.of_kind(KINDS[path])) if self._fits(each, params)]
        if after:
            places = [place for place, each in enumerate(found) if each["id"] == after]
            found = found[places[0] + 1 :] if places else []
        return {"object": "list", "url": f"/v1/{path}", "has_more": len(found) > limit, "data": found[:limit]}

    def _fits(self, each: Thing, params: Thing) -> bool:
        tests: dict[str, Callable[[int, int], bool]] = {
            "gt": int.__gt__,
            "gte": int.__ge__,
            "lt": int.__lt__,
            "lte": int.__le__,
        }
        for name, value in params.items():
            if name == "created":
                if not all(tests[test](each["created"], int(bound)) for test, bound in value.items()):
                    return False
            elif name == "delivery_success":
                if (each["id"] in self._delivered) != (value == "true"):
                    return False
            elif each.get(name) != value:
                return False
        return True

    def _expanded(self, shown: Thing, expand: Iterable[str]) -> Thing:
        """A copy without what is ours alone, with the asked ids replaced by their objects."""
        copied: Thing = copy.deepcopy(shown)
        for each in copied["data"] if copied["object"] == "list" else [copied]:
            each.pop("_meta", None)
        for path in expand:
            self._expand(copied, path.split("."))
        return copied

    def _expand(self, shown: Any, path: list[str]) -> None:
        if isinstance(shown, list):
            for each in shown:
                self._expand(each, path)
        elif isinstance(shown, dict) and path:
            value = shown.get(path[0])
            if isinstance(value, str) and value in self._things:
                shown[path[0]] = self._expanded(self._things[value], ())
            self._expand(shown.get(path[0]), path[1:])

    def _event(self, kind: str, about: Thing) -> None:
        event = thing(
            "event",
            id=self._id("evt"),
            api_version=VERSION,
            created=int(time.time()),
            data={"object": self._expanded(about, ())},
            livemode=False,
            pending_webhooks=1,
            request={"id": None, "idempotency_key": None},
            type=kind,
        )
        self._told(self._keep(event))

    def _told(self, event: Thing) -> None:
        """Deliver it, perhaps."""


def _required(params: Thing, name: str) -> None:
    if not params.get(name):
        raise RefusedError(
            400, error("invalid_request_error", f"Missing required param: {name}.", "parameter_missing", name)
        )
