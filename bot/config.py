"""The settings: environment and `.env`, read once at start, every fault named at once.

`.env.example` explains them; the composition root turns them into parts. Nothing else reads a setting from the
environment. Secrets are `SecretStr`: they do not print.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot import house_rules
from bot.rail_settings import TransferRail
from channels.scanner import make_scanner
from domain.house import HouseRules
from domain.messages import Channel
from domain.payments import TRANSFER_CARRIERS
from domain.people import BANK_ACCOUNT
from storage.vault import BadKeys, Vault

ADDRESS: Final = {
    Channel.SMS: re.compile(r"\+[1-9][0-9]{6,14}"),
    Channel.WHATSAPP: re.compile(r"\+[1-9][0-9]{6,14}|[A-Z]{2}\.[A-Za-z0-9]{1,128}"),
    Channel.TELEGRAM: re.compile(r"[1-9][0-9]{0,18}"),
}
"""How a person's address looks on each network."""


class SettingsError(Exception):
    """The settings cannot be used; `faults` are lines that each say what to do."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def _web_address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", text):
        raise ValueError("write a whole address such as https://pardna.example.com")
    return text.rstrip("/")


def _postgres(text: str) -> str:
    if not re.fullmatch(r"postgres(ql)?://\S+", text):
        raise ValueError("write postgresql://user:password@host:5432/database")
    return text


def _redis(text: str) -> str:
    if not re.fullmatch(r"(rediss?|unix)://\S+", text):
        raise ValueError("write redis://host:6379/0")
    return text


def _networks(text: str) -> str:
    for place, entry in enumerate(_entries(text), start=1):
        try:
            ip_network(entry)
        except ValueError:
            raise ValueError(f"entry {place} must look like 10.0.0.5 or 10.0.0.0/8") from None
    return text


def _account(text: str) -> str:
    figures = re.sub(r"[\s-]", "", text)
    if figures and not BANK_ACCOUNT.fullmatch(figures):
        raise ValueError("write the account's number, 6 to 13 figures")
    return figures


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _scanner(text: str) -> str:
    make_scanner(text)
    return text


VirusScan = Annotated[str, AfterValidator(_scanner)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
PostgresAddress = Annotated[str, AfterValidator(_postgres)]
RedisAddress = Annotated[str, AfterValidator(_redis)]
Networks = Annotated[str, AfterValidator(_networks)]
BankAccount = Annotated[str, AfterValidator(_account)]
NO_SECRET: Final = SecretStr("")


class Settings(BaseSettings):
    """All settings. An empty text or secret means: not set, and what needs it is off."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    pardna_env: Literal["development", "production"] = "development"
    database_url: PostgresAddress | None = Field(default=None, repr=False)
    database_replica_url: PostgresAddress | None = Field(default=None, repr=False)
    redis_url: RedisAddress | None = Field(default=None, repr=False)
    public_url: WebAddress | None = None
    port: int = Field(default=8080, ge=0, le=65535)
    trusted_proxies: Networks = ""
    inbound_per_minute: int = Field(default=30, ge=10, le=1_000_000)
    pardna_home: Path = Path(".pardna")
    pardna_keys: SecretStr = NO_SECRET
    pardna_staff: str = Field(default="", repr=False)
    pardna_rules: Path | None = None
    pardna_paces: bool = True
    virus_scan: VirusScan = ""

    whatsapp_token: SecretStr = NO_SECRET
    whatsapp_phone_number_id: str = ""
    whatsapp_app_secret: SecretStr = NO_SECRET
    whatsapp_verify_token: SecretStr = NO_SECRET
    whatsapp_api_url: WebAddress = "https://graph.facebook.com/v26.0"
    whatsapp_per_second: int = Field(default=80, ge=1, le=1000)

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = NO_SECRET
    twilio_from: str = ""
    twilio_messaging_service_sid: str = ""
    twilio_api_url: WebAddress = "https://api.twilio.com"
    twilio_per_second: int = Field(default=10, ge=1, le=1000)

    smsgate_api_url: WebAddress | None = None
    smsgate_user: str = ""
    smsgate_password: SecretStr = NO_SECRET
    smsgate_token: SecretStr = NO_SECRET
    smsgate_signing_key: SecretStr = NO_SECRET
    smsgate_number: str = ""
    smsgate_sim: int = Field(default=0, ge=0, le=3)
    smsgate_per_minute: int = Field(default=10, ge=10, le=600)
    smsgate_per_day: int = Field(default=0, ge=0)
    smsgate_silent_minutes: int = Field(default=15, ge=2, le=1440)

    telegram_token: SecretStr = NO_SECRET
    telegram_webhook_secret: SecretStr = NO_SECRET
    telegram_api_url: WebAddress = "https://api.telegram.org"

    sendgrid_api_key: SecretStr = NO_SECRET
    sendgrid_from: str = ""
    sendgrid_api_url: WebAddress = "https://api.sendgrid.com"
    sendgrid_per_second: int = Field(default=10, ge=1, le=10_000)
    sendgrid_webhook_public_key: str = ""

    stripe_api_key: SecretStr = NO_SECRET
    stripe_webhook_secret: SecretStr = NO_SECRET
    stripe_api_url: WebAddress = "https://api.stripe.com"

    powertranz_id: str = ""
    powertranz_password: SecretStr = NO_SECRET
    powertranz_api_url: WebAddress = "https://gateway.ptranz.com/api"
    powertranz_carrier: Literal["ncb", "scotia", ""] = ""
    powertranz_page_set: str = ""
    powertranz_page_name: str = ""

    ncb_account: BankAccount = ""
    ncb_usd_account: BankAccount = ""
    ncb_holder: str = ""
    ncb_branch: str = ""
    ncb_bic: str = ""
    ncb_api_url: WebAddress | None = None
    ncb_api_key: SecretStr = NO_SECRET
    ncb_hook_secret: SecretStr = NO_SECRET
    scotia_account: BankAccount = ""
    scotia_usd_account: BankAccount = ""
    scotia_holder: str = ""
    scotia_branch: str = ""
    scotia_bic: str = ""
    scotia_api_url: WebAddress | None = None
    scotia_api_key: SecretStr = NO_SECRET
    scotia_hook_secret: SecretStr = NO_SECRET
    lynk_account: str = ""
    lynk_handle: str = ""
    lynk_holder: str = ""
    lynk_api_url: WebAddress | None = None
    lynk_api_key: SecretStr = NO_SECRET
    lynk_hook_secret: SecretStr = NO_SECRET
    sandbox_api_url: WebAddress | None = None

    taj_api_url: WebAddress | None = None
    taj_api_key: SecretStr = NO_SECRET
    sentry_dsn: SecretStr = NO_SECRET
    otel_exporter_otlp_endpoint: WebAddress | None = None

    @classmethod
    def read(cls, env_file: Path | None = Path(".env")) -> Self:
        """Read environment over `env_file` over defaults. Raises SettingsError with every fault."""
        try:
            settings = cls(_env_file=env_file, _env_file_encoding="utf-8")
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None
        if faults := list(_faults(settings)):
            raise SettingsError(faults)
        return settings

    @property
    def development(self) -> bool:
        """Whether the simulator, the sandbox rail and keys of our own making are allowed."""
        return self.pardna_env == "development"

    @cached_property
    def rules(self) -> HouseRules:
        """The limits and times of the house, with what the file of PARDNA_RULES sets of them."""
        return house_rules.read(self.pardna_rules)[0]

    @property
    def hooks(self) -> frozenset[str]:
        """The providers whose web hooks are on: those whose calls we can verify."""
        cards = {self.powertranz_carrier} if self.takes_powertranz else set()
        return frozenset(name for name, needed in HOOKS.items() if all(map(self.has, needed))) | cards

    @property
    def providers(self) -> frozenset[Channel]:
        """The chat networks that send through their provider."""
        own = {channel for channel, needed in SENDERS.items() if all(map(self.has, needed))} - {Channel.SMS}
        return frozenset(own | ({Channel.SMS} if self.by_twilio or self.by_sim else set()))

    @property
    def by_twilio(self) -> bool:
        """Whether SMS can leave through Twilio."""
        return all(map(self.has, SENDERS[Channel.SMS])) and bool(self.twilio_sender)

    @property
    def by_sim(self) -> bool:
        """Whether SMS can leave by a telephone with a local SIM."""
        return self.has("smsgate_api_url")

    @property
    def simulated(self) -> frozenset[Channel]:
        """The chat networks that the simulator plays."""
        return frozenset(Channel) - self.providers if self.development else frozenset()

    @property
    def staff(self) -> tuple[str, ...]:
        """The parties of PARDNA_STAFF, the first admins."""
        return _entries(self.pardna_staff)

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The proxies of TRUSTED_PROXIES, whose word on who calls is believed."""
        return tuple(ip_network(entry) for entry in _entries(self.trusted_proxies))

    @property
    def twilio_sender(self) -> str:
        """What SMS are sent from: the messaging service, else the number."""
        return self.twilio_messaging_service_sid or self.twilio_from

    @property
    def takes_powertranz(self) -> bool:
        """Whether cards can be taken through PowerTranz, by the bank of `powertranz_carrier`."""
        return all(map(self.has, POWERTRANZ))

    @property
    def card_carrier(self) -> str:
        """Who takes a new card payment: stripe, else powertranz; in development else the sandbox; "" for nobody."""
        if self.has("stripe_api_key"):
            return "stripe"
        if self.takes_powertranz:
            return "powertranz"
        return "sandbox" if self.development else ""

    def transfer_rails(self) -> dict[str, TransferRail]:
        """The banks and the wallet that are set up, by carrier; see TransferRail for what each can do."""
        rails = {carrier: self._transfer_rail(carrier) for carrier in TRANSFER_CARRIERS}
        return {carrier: rail for carrier, rail in rails.items() if rail.on}

    def _transfer_rail(self, carrier: str) -> TransferRail:
        return TransferRail(
            carrier=carrier,
            account=getattr(self, f"{carrier}_account"),
            handle=self.lynk_handle if carrier == "lynk" else "",
            holder=getattr(self, f"{carrier}_holder"),
            branch=getattr(self, f"{carrier}_branch", ""),
            bic=getattr(self, f"{carrier}_bic", ""),
            api_url=getattr(self, f"{carrier}_api_url") or "",
            has_api=self.has(f"{carrier}_api_url") and self.has(f"{carrier}_api_key"),
            hook_secrets=self.hook_secrets(carrier),
        )

    def hook_secrets(self, carrier: str) -> tuple[str, ...]:
        """The secrets of which any may have signed a call to `/hooks/{carrier}`; none: it is not called."""
        return _entries(getattr(self, f"{carrier}_hook_secret").get_secret_value())

    def vault(self) -> Vault:
        """Open the key ring; in development one of our own making when none is set. Raises SettingsError."""
        try:
            if self.has("pardna_keys"):
                return Vault.from_keys(self.pardna_keys.get_secret_value())
            return Vault.development(self.pardna_home)
        except BadKeys as fault:
            raise SettingsError([str(fault)]) from None
        except OSError as fault:
            raise SettingsError([f"PARDNA_HOME: {self.pardna_home} cannot be used ({fault.strerror})"]) from None

    def has(self, name: str) -> bool:
        """Whether a setting is set."""
        value = getattr(self, name)
        return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


HOOKS: Final[Mapping[str, tuple[str, ...]]] = {
    "whatsapp": ("whatsapp_app_secret", "whatsapp_verify_token"),
    "sms": ("twilio_auth_token",),
    "smsgate": ("smsgate_signing_key",),
    "telegram": ("telegram_webhook_secret",),
    "sendgrid": ("sendgrid_webhook_public_key",),
    "stripe": ("stripe_webhook_secret",),
    "ncb": ("ncb_hook_secret",),
    "scotia": ("scotia_hook_secret",),
    "lynk": ("lynk_hook_secret",),
}
"""What a hook needs to verify its provider's calls."""
SENDERS: Final[Mapping[Channel, tuple[str, ...]]] = {
    Channel.WHATSAPP: ("whatsapp_token", "whatsapp_phone_number_id"),
    Channel.SMS: ("twilio_account_sid", "twilio_auth_token"),
    Channel.TELEGRAM: ("telegram_token",),
    Channel.EMAIL: ("sendgrid_api_key", "sendgrid_from"),
}
"""What a chat needs to send."""
POWERTRANZ: Final = (
    "powertranz_id",
    "powertranz_password",
    "powertranz_carrier",
    "powertranz_page_set",
    "powertranz_page_name",
)
"""What cards by PowerTranz need."""
_TOGETHER: Final = (
    HOOKS["whatsapp"],
    SENDERS[Channel.WHATSAPP],
    ("taj_api_url", "taj_api_key"),
    SENDERS[Channel.EMAIL],
    POWERTRANZ,
    *((f"{carrier}_api_url", f"{carrier}_api_key") for carrier in TRANSFER_CARRIERS),
)
"""Settings of which one without the others is a slip."""


def _explain(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        name = str(fault["loc"][0]).upper()
        said = str(fault.get("ctx", {}).get("error") or fault["msg"])
        yield f"{name}: {said[0].lower()}{said[1:]}"


def _faults(settings: Settings) -> Iterator[str]:
    """Name what the fields alone do not show."""
    for group in _TOGETHER:
        yield from _missing_of(settings, group)
    if settings.has("twilio_account_sid"):
        yield from _missing_of(settings, SENDERS[Channel.SMS])
        if not settings.twilio_sender:
            yield "TWILIO_FROM: set the number SMS are sent from, or TWILIO_MESSAGING_SERVICE_SID"
    yield from _smsgate_faults(settings)
    yield from _rail_faults(settings)
    yield from _mail_faults(settings)
    secret = settings.telegram_webhook_secret.get_secret_value()
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        yield "TELEGRAM_WEBHOOK_SECRET: Telegram takes up to 256 letters, figures, _ and - alone"
    yield from _staff_faults(settings.staff)
    yield from (f"PARDNA_RULES: {fault}" for fault in house_rules.read(settings.pardna_rules)[1])
    if settings.has("pardna_keys"):
        yield from _key_faults(settings)
    if not settings.development:
        yield from _production_faults(settings)


def _missing_of(settings: Settings, group: tuple[str, ...]) -> Iterator[str]:
    missing = [name.upper() for name in group if not settings.has(name)]
    there = [name.upper() for name in group if settings.has(name)]
    if missing and there:
        yield f"{', '.join(missing)}: set it as well, or remove {', '.join(there)}"


def _smsgate_faults(settings: Settings) -> Iterator[str]:
    by_name = settings.has("smsgate_user") and settings.has("smsgate_password")
    if settings.smsgate_api_url and not (by_name or settings.has("smsgate_token")):
        yield "SMSGATE_TOKEN: set it, or SMSGATE_USER and SMSGATE_PASSWORD"
    yield from _missing_of(settings, ("smsgate_api_url", "smsgate_signing_key"))
    if settings.smsgate_number and not ADDRESS[Channel.SMS].fullmatch(settings.smsgate_number):
        yield "SMSGATE_NUMBER: write the number of the SIM as +18765550100"


def _rail_faults(settings: Settings) -> Iterator[str]:
    """Name rails that are set up by half: what would be shown to nobody, and money that nobody would hear of."""
    for carrier in TRANSFER_CARRIERS:
        name, rail = carrier.upper(), settings._transfer_rail(carrier)  # noqa: SLF001 - this module's own
        spare = [f"{name}_{part.upper()}" for part in ("holder", "branch", "bic") if getattr(rail, part)]
        if spare and not rail.on:
            yield f"{name}_ACCOUNT: set the account that members pay into, or remove {', '.join(spare)}"
        if rail.has_api and not rail.hook_secrets:
            yield f"{name}_HOOK_SECRET: set the secret that signs the calls to /hooks/{carrier}, or no outcome is heard"
    if settings.powertranz_page_set and not settings.powertranz_page_set.startswith("PTZ/"):
        yield "POWERTRANZ_PAGE_SET: write it with PTZ/ in front, as the merchant portal names it"


def _mail_faults(settings: Settings) -> Iterator[str]:
    if settings.has("sendgrid_webhook_public_key"):
        try:
            load_der_public_key(base64.b64decode(settings.sendgrid_webhook_public_key, validate=True))
        except (binascii.Error, ValueError, UnsupportedAlgorithm):
            yield "SENDGRID_WEBHOOK_PUBLIC_KEY: copy the verification key as SendGrid's page shows it"


def _staff_faults(staff: Iterable[str]) -> Iterator[str]:
    networks = {channel.value: pattern for channel, pattern in ADDRESS.items()}
    for place, party in enumerate(staff, start=1):
        channel, _, address = party.partition(":")
        if channel not in networks or not networks[channel].fullmatch(address):
            yield f"PARDNA_STAFF: entry {place} must look like sms:+18765550000 or telegram:5550103"


def _key_faults(settings: Settings) -> Iterator[str]:
    try:
        Vault.from_keys(settings.pardna_keys.get_secret_value())
    except BadKeys as fault:
        yield str(fault)


def _production_faults(settings: Settings) -> Iterator[str]:
    if not settings.database_url:
        yield "DATABASE_URL: set it; production does not start a database of its own"
    if not (settings.public_url or "").startswith("https://"):
        yield "PUBLIC_URL: set the https:// address under which people and providers reach the service"
    if not settings.has("pardna_keys"):
        yield "PARDNA_KEYS: set it; `pardna keys new` prints a fresh value"
    elif _is_development_key(settings):
        yield "PARDNA_KEYS: this is the key of a development machine; `pardna keys new` prints a fresh value"
    if settings.sandbox_api_url:
        yield "SANDBOX_API_URL: remove it; production has no sandbox rail"
    yield from _half_channels(settings)
    if not settings.providers - {Channel.EMAIL}:
        yield "WHATSAPP_TOKEN, TWILIO_ACCOUNT_SID or TELEGRAM_TOKEN: set up at least one chat network"


def _half_channels(settings: Settings) -> Iterator[str]:
    """Name channels that could only hear, or only speak: the simulator does not fill in for them."""
    if not settings.pardna_paces:
        yield "PARDNA_PACES: networks have limits; take this line out"
    for channel, needed in SENDERS.items():
        speaks, hears = channel in settings.providers, channel.value in settings.hooks
        if channel is Channel.SMS and settings.by_sim:
            continue  # the phone hears and speaks; its own settings are held together above
        if channel is Channel.EMAIL:
            yield from _missing_of(settings, (*needed, *HOOKS["sendgrid"]))
            continue
        if speaks and not hears:
            missing = [name.upper() for name in HOOKS[channel.value] if not settings.has(name)]
            yield f"{', '.join(missing)}: set it, or nobody can be heard on {channel}"
        if hears and not speaks:
            missing = [name.upper() for name in needed if not settings.has(name)]
            yield f"{', '.join(missing) or 'TWILIO_FROM'}: set it, or nobody can be answered on {channel}"
    yield from _missing_of(settings, ("stripe_api_key", "stripe_webhook_secret"))


def _is_development_key(settings: Settings) -> bool:
    path = settings.pardna_home / "keys"
    return path.is_file() and path.read_text(encoding="ascii", errors="replace").strip() == (
        settings.pardna_keys.get_secret_value().strip()
    )
