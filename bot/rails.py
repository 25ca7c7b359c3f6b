"""The rails of the settings, put together: adapters, hooks, and what `doctor` says of each.

Part of the composition root (bot/app.py calls it); decides nothing about money.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bot.config import Settings
from bot.rail_settings import TransferRail
from channels.base import Hook
from channels.http import Http
from channels.rails.operator import BankHook, OperatorHook, OperatorRail
from channels.rails.powertranz import PowerTranzHook, PowerTranzRail
from channels.rails.stripe import StripeRail
from domain.payments import TRANSFER_CARRIERS, WALLETS

MakeHttp = Callable[[str], Http]
"""Makes the client for a party, named in metrics."""
CARDS: Final = "CARD"


def make_powertranz(settings: Settings, http: MakeHttp, site: str) -> PowerTranzRail | None:
    """Build the card gateway's adapter, which opens card pages too; None when it is not set up."""
    if not settings.takes_powertranz:
        return None
    return PowerTranzRail(
        http("powertranz"),
        settings.powertranz_api_url,
        settings.powertranz_id,
        settings.powertranz_password.get_secret_value(),
        hook_url=f"{site}/hooks/{settings.powertranz_carrier}",
        page_set=settings.powertranz_page_set,
        page_name=settings.powertranz_page_name,
    )


def make_operator_rails(settings: Settings, http: MakeHttp) -> dict[str, OperatorRail]:
    """Build the adapters of the banks and the wallet that have an API, by carrier."""
    return {
        carrier: OperatorRail(
            carrier, http(carrier), rail.api_url, getattr(settings, f"{carrier}_api_key").get_secret_value()
        )
        for carrier, rail in settings.transfer_rails().items()
        if rail.has_api
    }


def make_bank_hooks(settings: Settings, now: Callable[[], float], thanks_url: str) -> dict[str, Hook]:
    """Build the hooks of the banks and the wallet that are on, by path. `thanks_url`: see PowerTranzHook."""
    hooks: dict[str, Hook] = {}
    for carrier in TRANSFER_CARRIERS:
        secrets = settings.hook_secrets(carrier)
        service = OperatorHook(carrier, secrets, now) if secrets else None
        takes_cards = settings.takes_powertranz and settings.powertranz_carrier == carrier
        cards = PowerTranzHook(thanks_url) if takes_cards else None
        if service or cards:
            hooks[f"/hooks/{carrier}"] = BankHook(service, cards)
    return hooks


def rail_states(settings: Settings) -> Mapping[str, str]:
    """Say of each rail, by the word that members name, whether it is on and why, or what to set."""
    rails = settings.transfer_rails()
    states = {carrier.upper(): _state(carrier, rails.get(carrier)) for carrier in TRANSFER_CARRIERS}
    return {
        CARDS: _card_state(settings),
        **states,
        "CASH": "on, by the banker's hand",
        "SANDBOX": "on, no real money (development)" if settings.development else "off (production)",
    }


async def live_faults(settings: Settings, http: MakeHttp, now: Callable[[], float], site: str) -> list[str]:
    """Ask every provider that is set up how it is; each fault says what to do."""
    faults = []
    if settings.has("stripe_api_key"):
        key = settings.stripe_api_key.get_secret_value()
        faults += await StripeRail(http("stripe"), key, settings.stripe_api_url, now).check()
    if gateway := make_powertranz(settings, http, site):
        faults += await gateway.check()
    for rail in make_operator_rails(settings, http).values():
        faults += await rail.check()
    return faults


def half_set(settings: Settings) -> Iterator[str]:
    """Name banks that money comes in by, and that no payout file can be made for (see bot/commands/payouts.py)."""
    for carrier, rail in settings.transfer_rails().items():
        if _names_no_payer(rail):
            yield f"{carrier.upper()}_HOLDER: set whose account it is, as the bank writes it; no draw goes out without"


def advice(settings: Settings) -> Iterator[str]:
    """Name what works, and would work better."""
    rails = settings.transfer_rails()
    if (scotia := rails.get("scotia")) and scotia.account and not scotia.branch:
        yield "SCOTIA_BRANCH: set it; payers' banks ask for the branch"
    for carrier, rail in rails.items():
        if rail.labelled and not rail.holder and not _names_no_payer(rail):
            yield f"{carrier.upper()}_HOLDER: set whose account it is; payers' banks ask for the name"
    if settings.has("stripe_api_key") and settings.takes_powertranz:
        yield "cards: both Stripe and PowerTranz are set up; new payments go through Stripe"


def _names_no_payer(rail: TransferRail) -> bool:
    """Whether a bank's payout files lack whose account it is. A wallet's list names no account of ours."""
    return bool(rail.account and not rail.holder and not rail.has_api and rail.carrier not in WALLETS)


def _card_state(settings: Settings) -> str:
    match settings.card_carrier:
        case "stripe":
            return "on, by Stripe"
        case "powertranz":
            return f"on, by PowerTranz for {settings.powertranz_carrier.upper()}"
        case "sandbox":
            return "on, played by the sandbox (set STRIPE_API_KEY or POWERTRANZ_ID for real cards)"
        case _:
            return "off: set STRIPE_API_KEY, or POWERTRANZ_ID and what goes with it"


def _state(carrier: str, rail: TransferRail | None) -> str:
    name = carrier.upper()
    if rail is None:
        return f"off: set {name}_ACCOUNT, or {name}_API_URL and {name}_API_KEY"
    ways = [
        *(["in by transfer to the account set"] if rail.labelled else []),
        "in and out through the API" if rail.has_api else "out by payout file",
    ]
    heard = f"heard at /hooks/{carrier}" if rail.hook_secrets else "matched by statement import"
    return f"on: {', '.join(ways)}; {heard}"
