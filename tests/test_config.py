"""Settings are read once; every fault is named at once, in lines that say what to do and show no secret."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from bot.config import Settings, SettingsError
from domain.messages import Channel
from storage.vault import Vault, new_keys
from tests.vendors import SENDGRID

KEYS = new_keys()
PRODUCTION = {
    "PARDNA_ENV": "production",
    "DATABASE_URL": "postgresql://pardna:pass-7@db/pardna",
    "PUBLIC_URL": "https://pardna.example.com/",
    "PARDNA_KEYS": KEYS,
    "TELEGRAM_TOKEN": "5:abc",
    "TELEGRAM_WEBHOOK_SECRET": "hush",
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def read(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Settings.read()


def faults(monkeypatch: pytest.MonkeyPatch, **values: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(monkeypatch, **values)
    assert str(caught.value) == "\n".join(caught.value.faults)
    assert all("\n" not in line and ": " in line for line in caught.value.faults)
    return caught.value.faults


def names(lines: tuple[str, ...]) -> list[str]:
    return [line.partition(": ")[0] for line in lines]


@pytest.mark.parametrize("secret", ["a b", "h\u00e9", "x" * 257, "a.b"])
def test_a_secret_that_telegram_does_not_take_is_named(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    (fault,) = faults(monkeypatch, TELEGRAM_TOKEN="5:abc", TELEGRAM_WEBHOOK_SECRET=secret)
    assert fault.startswith("TELEGRAM_WEBHOOK_SECRET: Telegram takes")
    assert secret not in fault


def test_without_any_setting_development_is_whole_and_played_by_the_simulator() -> None:
    settings = Settings.read()
    assert settings.development
    assert (settings.port, settings.pardna_home, settings.database_url) == (8080, Path(".pardna"), None)
    assert settings.hooks == frozenset()
    assert settings.providers == frozenset()
    assert settings.simulated == frozenset(Channel)
    sealed = settings.vault().seal("a", b"kept")
    assert Settings.read().vault().open("a", sealed) == b"kept"


def test_the_environment_wins_over_the_file_and_an_empty_value_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nTWILIO_FROM=+18765550000\nREDIS_URL=\nNOT_OURS=1\n")
    settings = read(monkeypatch, PORT="9001")
    assert (settings.port, settings.twilio_from, settings.redis_url) == (9001, "+18765550000", None)


def test_a_hook_is_on_when_its_calls_can_be_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        WHATSAPP_APP_SECRET="s",
        WHATSAPP_VERIFY_TOKEN="v",
        TWILIO_AUTH_TOKEN="t",
        STRIPE_WEBHOOK_SECRET="whsec",
    )
    assert settings.hooks == {"whatsapp", "sms", "stripe"}
    assert settings.providers == frozenset()


def test_a_network_with_credentials_sends_and_the_others_are_simulated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = read(
        monkeypatch,
        TWILIO_ACCOUNT_SID="AC1",
        TWILIO_AUTH_TOKEN="t",
        TWILIO_FROM="+18765550000",
        TWILIO_MESSAGING_SERVICE_SID="MG1",
        WHATSAPP_TOKEN="t",
        WHATSAPP_PHONE_NUMBER_ID="1",
    )
    assert settings.providers == {Channel.SMS, Channel.WHATSAPP}
    assert settings.simulated == {Channel.TELEGRAM, Channel.EMAIL}
    assert settings.twilio_sender == "MG1"


PHONE = {"SMSGATE_API_URL": "https://sms.example", "SMSGATE_USER": "u", "SMSGATE_PASSWORD": "p"}


def test_a_phone_with_a_sim_is_a_way_for_sms_with_twilio_or_without(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = read(monkeypatch, **PHONE, SMSGATE_SIGNING_KEY="k")
    assert (alone.by_sim, alone.by_twilio) == (True, False)
    assert alone.providers == {Channel.SMS}
    assert alone.hooks == {"smsgate"}
    both = read(
        monkeypatch,
        **PHONE,
        SMSGATE_SIGNING_KEY="k",
        TWILIO_ACCOUNT_SID="AC1",
        TWILIO_AUTH_TOKEN="t",
        TWILIO_FROM="+18765550000",
    )
    assert (both.by_sim, both.by_twilio) == (True, True)
    production = read(
        monkeypatch, **{k: v for k, v in PRODUCTION.items() if "TWILIO" not in k}, **PHONE, SMSGATE_SIGNING_KEY="k"
    )
    assert Channel.SMS in production.providers


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("SMSGATE_SIGNING_KEY", PHONE),
        ("SMSGATE_API_URL", {"SMSGATE_SIGNING_KEY": "k"}),
        ("SMSGATE_TOKEN", {**PHONE, "SMSGATE_PASSWORD": "", "SMSGATE_SIGNING_KEY": "k"}),
        ("SMSGATE_NUMBER", {"SMSGATE_NUMBER": "8765550000"}),
        ("SMSGATE_PER_MINUTE", {"SMSGATE_PER_MINUTE": "1"}),
        ("SMSGATE_SIM", {"SMSGATE_SIM": "4"}),
        ("SMSGATE_SILENT_MINUTES", {"SMSGATE_SILENT_MINUTES": "0"}),
    ],
)
def test_half_a_phone_is_a_fault(monkeypatch: pytest.MonkeyPatch, name: str, values: dict[str, str]) -> None:
    assert names(faults(monkeypatch, **values)) == [name]


def test_staff_are_parties(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, PARDNA_STAFF="sms:+18765550000, telegram:5550103,")
    assert settings.staff == ("sms:+18765550000", "telegram:5550103")


def test_every_fault_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = faults(
        monkeypatch,
        PARDNA_ENV="staging",
        PORT="eighty",
        DATABASE_URL="mysql://x",
        REDIS_URL="localhost",
        PUBLIC_URL="pardna.example.com",
    )
    assert sorted(names(lines)) == ["DATABASE_URL", "PARDNA_ENV", "PORT", "PUBLIC_URL", "REDIS_URL"]


def test_half_of_what_belongs_together_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = faults(
        monkeypatch,
        WHATSAPP_APP_SECRET="s",
        WHATSAPP_TOKEN="t",
        TWILIO_ACCOUNT_SID="AC1",
        SMSGATE_API_URL="http://127.0.0.1:1",
        PARDNA_STAFF="sms:+18765550000,fax:1,telegram:ann",
        PARDNA_RULES="nowhere.toml",
        PARDNA_KEYS="k1:AAAA",
    )
    assert names(lines) == [
        "WHATSAPP_VERIFY_TOKEN",
        "WHATSAPP_PHONE_NUMBER_ID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_FROM",
        "SMSGATE_TOKEN",
        "SMSGATE_SIGNING_KEY",
        "PARDNA_STAFF",
        "PARDNA_STAFF",
        "PARDNA_RULES",
        "PARDNA_KEYS",
    ]
    assert not any("fax" in line or "AAAA" in line for line in lines)


def test_production_with_everything_starts_without_a_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, **PRODUCTION)
    assert not settings.development
    assert settings.simulated == frozenset()
    assert settings.public_url == "https://pardna.example.com"
    vault = Vault.from_keys(KEYS)
    assert settings.vault().open("a", vault.seal("a", b"x")) == b"x"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"PUBLIC_URL": "http://pardna.example.com"}, "PUBLIC_URL"),
        ({"PARDNA_KEYS": ""}, "PARDNA_KEYS"),
        ({"PARDNA_KEYS": "k1:" + "A" * 43 + "=,blind:" + "A" * 43 + "="}, "PARDNA_KEYS"),
        ({"SANDBOX_API_URL": "http://127.0.0.1:1"}, "SANDBOX_API_URL"),
        ({"PARDNA_PACES": "off"}, "PARDNA_PACES"),
        ({"TELEGRAM_WEBHOOK_SECRET": ""}, "TELEGRAM_WEBHOOK_SECRET"),
        ({"TWILIO_AUTH_TOKEN": "t"}, "TWILIO_ACCOUNT_SID"),
        ({"STRIPE_WEBHOOK_SECRET": "w"}, "STRIPE_API_KEY"),
    ],
)
def test_production_refuses_what_is_missing_or_made_for_development(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], named: str
) -> None:
    assert names(faults(monkeypatch, **{**PRODUCTION, **change})) == [named]


def test_production_needs_a_chat_network(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = faults(monkeypatch, **{**PRODUCTION, "TELEGRAM_TOKEN": "", "TELEGRAM_WEBHOOK_SECRET": ""})
    assert lines == ("WHATSAPP_TOKEN, TWILIO_ACCOUNT_SID or TELEGRAM_TOKEN: set up at least one chat network",)


def test_production_refuses_the_key_of_a_development_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    Settings.read().vault()
    development = Path(".pardna/keys").read_text().strip()
    assert names(faults(monkeypatch, **{**PRODUCTION, "PARDNA_KEYS": development})) == ["PARDNA_KEYS"]


MAIL = {"SENDGRID_API_KEY": "SG.1", "SENDGRID_FROM": "pardna@example.com"}


def test_e_mail_is_told_of_what_became_of_it_or_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Channel.EMAIL in read(monkeypatch, **MAIL).providers
    assert names(faults(monkeypatch, **{**PRODUCTION, **MAIL})) == ["SENDGRID_WEBHOOK_PUBLIC_KEY"]
    assert names(faults(monkeypatch, SENDGRID_WEBHOOK_PUBLIC_KEY="nonsense")) == ["SENDGRID_WEBHOOK_PUBLIC_KEY"]
    settings = read(monkeypatch, **{**PRODUCTION, **MAIL, **SENDGRID})
    assert (Channel.EMAIL in settings.providers, "sendgrid" in settings.hooks) == (True, True)


def test_production_needs_a_network_that_hears_beside_e_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = {**PRODUCTION, **MAIL, **SENDGRID, "TELEGRAM_TOKEN": "", "TELEGRAM_WEBHOOK_SECRET": ""}
    assert names(faults(monkeypatch, **alone)) == ["WHATSAPP_TOKEN, TWILIO_ACCOUNT_SID or TELEGRAM_TOKEN"]


def test_secrets_are_not_printed_and_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, **{**PRODUCTION, "STRIPE_API_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_2"})
    shown = f"{settings!r} {settings}"
    assert not any(secret in shown for secret in (KEYS, "hush", "5:abc", "sk_live_1", "whsec_2", "pass-7"))
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.read().proxies == ()
    settings = read(monkeypatch, TRUSTED_PROXIES="10.0.0.5, fd00::/8,")
    assert settings.proxies == (ip_network("10.0.0.5"), ip_network("fd00::/8"))


@pytest.mark.parametrize("wrong", ["10.0.0.5/8", "proxy.example.com", "10.0.0"])
def test_a_proxy_that_is_no_address_is_named_by_its_place(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    (line,) = faults(monkeypatch, TRUSTED_PROXIES=f"10.0.0.5,{wrong}")
    assert line == "TRUSTED_PROXIES: entry 2 must look like 10.0.0.5 or 10.0.0.0/8"
