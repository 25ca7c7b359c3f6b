"""Whether Stripe's account can do what the service asks of it: what `pardna doctor` says about it."""

from collections.abc import Mapping
from typing import Any, Final

import stripe

from channels.base import Outcome, Refused, Sent

CURRENCIES: Final = ("JMD", "USD")


async def state(client: stripe.StripeClient) -> tuple[str, list[str]]:
    """Return the account's id and what is wrong with it. Raises what the library raises."""
    account = (await client.v1.accounts.retrieve_current_async()).to_dict()
    country = str(account.get("country") or "")
    spec: Mapping[str, Any] = {}
    if country:
        spec = (await client.v1.country_specs.retrieve_async(country)).to_dict()
    return str(account.get("id") or "account"), _faults(account, country, spec)


def unreachable(outcome: Outcome) -> str:
    """Say why the account could not be looked at."""
    reason = outcome.provider_id if isinstance(outcome, Sent) else outcome.reason
    if isinstance(outcome, Refused) or reason == "credentials refused":
        return "Stripe refuses STRIPE_API_KEY: copy the secret key from Stripe's dashboard, Developers, API keys"
    return f"Stripe cannot be asked ({reason}): check STRIPE_API_URL and the network"


def _faults(account: Mapping[str, Any], country: str, spec: Mapping[str, Any]) -> list[str]:
    faults = []
    if not account.get("charges_enabled"):
        faults.append("Stripe takes no payments for this account: finish its activation in Stripe's dashboard")
    if not account.get("payouts_enabled"):
        faults.append("Stripe pays nothing out to this account's bank: add a bank account in Stripe's dashboard")
    known = spec.get("supported_payment_currencies") or ()
    faults += [
        f"Stripe accounts of {country or 'an unknown country'} cannot be paid in {currency}: "
        f"let nobody pay {currency} by CARD through Stripe"
        for currency in CURRENCIES
        if currency.lower() not in known
    ]
    return faults
