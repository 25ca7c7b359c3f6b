"""SMS as the settings have it: its two ways out, and the phone with the SIM, which is told where to call."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from bot.config import Settings
from channels.base import Retry, Sent
from channels.chat.sms import EVENTS, Sms, SmsGate, Twilio, authorization
from channels.http import Http
from domain.sms import SimPhone
from storage.limits import Limits

PATH: Final = "/hooks/smsgate"
PAUSE_SECONDS: Final = 10.0
DAY_SECONDS: Final = 86400
log = structlog.get_logger(__name__)


def silent_after(settings: Settings) -> timedelta | None:
    """Return how long the phone may be silent; None where there is no phone."""
    return timedelta(minutes=settings.smsgate_silent_minutes) if settings.by_sim else None


def make_gate(settings: Settings, http: Callable[[str], Http]) -> SmsGate | None:
    """Build the way by the SIM; None where it is not set up."""
    if not settings.smsgate_api_url:
        return None
    header = authorization(
        settings.smsgate_user,
        settings.smsgate_password.get_secret_value(),
        settings.smsgate_token.get_secret_value(),
    )
    return SmsGate(
        http("smsgate"),
        settings.smsgate_api_url,
        header,
        rate_per_second=settings.smsgate_per_minute / 60,
        sim=settings.smsgate_sim,
    )


def make_sms(
    settings: Settings,
    http: Callable[[str], Http],
    public_url: str,
    *,
    awake: Callable[[], bool],
    limits: Limits,
    outside: Http,
) -> Sms:
    """Build the chat by SMS with the ways that are set up. `outside` gets what people send from where it lies."""
    twilio = None
    if settings.by_twilio:
        twilio = Twilio(
            http("sms"),
            settings.twilio_api_url,
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            sender=settings.twilio_sender,
            public_url=public_url,
            rate_per_second=settings.twilio_per_second,
            outside=outside,
        )
    return Sms(twilio, make_gate(settings, http), awake=awake, spare=_spare(settings.smsgate_per_day, limits))


def _spare(per_day: int, limits: Limits) -> Callable[[], Awaitable[bool]]:
    async def spare() -> bool:
        """Count one message of the SIM's day, in UTC."""
        day = f"smsgate:{datetime.now(UTC):%Y-%m-%d}"
        return not per_day or await limits.count(day, DAY_SECONDS) <= per_day

    return spare


async def announce(gate: SmsGate, site: str) -> None:
    """Have the phone tell us its events; again until the gateway has taken each of them."""
    if not site.startswith("https://"):
        log.warning("the phone with the SIM tells nothing: its gateway calls https addresses alone (PUBLIC_URL)")
        return
    for event in EVENTS:
        while not isinstance(outcome := await gate.set_hook(event, site + PATH), Sent):
            log.warning("the SMS gateway does not take a web hook", reason=outcome.reason)
            asked = outcome.after_seconds if isinstance(outcome, Retry) else 0.0
            await asyncio.sleep(max(PAUSE_SECONDS, asked))


async def gate_faults(gate: SmsGate, site: str) -> list[str]:
    """Say what is wrong at the gateway: which events it would not tell us. Nothing is changed there."""
    known = await gate.hooks()
    if known is None:
        return ["SMSGATE_API_URL: the gateway does not tell its web hooks: see its address, its login, that it runs"]
    missing = [event for event in EVENTS if (event, site + PATH) not in known]
    if not missing:
        return []
    return [f"the SMS gateway does not tell {', '.join(missing)} to {site}{PATH}: `pardna serve` registers them"]


def phone_state(settings: Settings, phone: SimPhone | None, now: datetime) -> tuple[list[str], str]:
    """Name what is wrong with the phone, and say how it does in a line for operators."""
    if phone is None:
        return ["the phone with the SIM was never heard: set Settings, Ping in its app"], "never heard"
    minutes = int((now - phone.heard_at).total_seconds() / 60)
    health = f", health {phone.health}" if phone.health else ""
    battery = f", battery {phone.battery} %" if phone.battery >= 0 else ""
    awake = phone.is_awake(now, timedelta(minutes=settings.smsgate_silent_minutes))
    silence = (
        [] if awake else [f"the phone with the SIM is silent for {minutes} minutes: SMS leave by Twilio if at all"]
    )
    return silence, f"heard {minutes} min ago{health}{battery}"
