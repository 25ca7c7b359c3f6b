"""What load balancers, operators and Prometheus read."""

import json
from datetime import timedelta

from sqlalchemy import text

from domain.messages import Filed
from storage.filer import Filer
from tests import vendors
from tests.web import rows
from tests.web.conftest import Site


async def test_health_says_that_it_is_up_in_which_version_and_each_part(site: Site) -> None:
    for path in ("/v1/health", "/api/health"):
        status, words = await site.get(path)
        body = json.loads(words)
        assert (status, body["status"], body["version"]) == (200, "up", "0.1.0")
        assert body["parts"]["database"] == body["parts"]["inbox"] == body["parts"]["outbox"] == "up"
        assert body["parts"]["channels"] == {
            "whatsapp": "on",
            "sms": "on",
            "telegram": "simulated",
            "email": "off",
        }
        assert body["parts"]["rails"]["NCB"] == "off"


async def test_ready_names_what_is_off_and_how_far_behind_each_part_is(site: Site) -> None:
    status, words = await site.get("/readyz")
    body = json.loads(words)
    assert (status, body["ready"], body["migrations"]) == (200, True, "done")
    assert body["off"] == ["NCB", "email"]
    assert body["lag_seconds"] == {"inbox": 0.0, "outbox": 0.0, "duties": 0.0}


async def test_a_backlog_is_called_late_and_arrivals_are_still_taken(site: Site) -> None:
    filer = Filer(site.engine, site.vault, site.clock, site.bell)
    await filer.file([Filed("sms", "1", "sms:+18765550101", "chat", {"text": "hi"})])
    site.clock.ahead += timedelta(minutes=5)
    status, words = await site.get("/readyz")
    body = json.loads(words)
    assert (status, body["inbox"], body["outbox"]) == (200, "late", "up")
    assert body["lag_seconds"]["inbox"] >= 300


async def test_a_parked_arrival_is_counted_and_is_no_lag(site: Site) -> None:
    filer = Filer(site.engine, site.vault, site.clock, site.bell)
    await filer.file([Filed("sms", "1", "sms:+18765550101", "chat", {"text": "hi"})])
    async with site.engine.begin() as conn:
        await conn.execute(text("UPDATE inbox SET parked_at = received_at"))
    site.clock.ahead += timedelta(minutes=5)
    body = json.loads((await site.get("/readyz"))[1])
    assert (body["parked"], body["inbox"], body["lag_seconds"]["inbox"]) == (1, "up", 0.0)


async def test_without_the_last_migration_it_is_not_ready(site: Site) -> None:
    async with site.engine.begin() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    status, words = await site.get("/readyz")
    assert (status, json.loads(words)["migrations"]) == (503, "missing")


async def test_without_a_database_it_lives_but_is_neither_ready_nor_up(cut_off: Site) -> None:
    assert (await cut_off.get("/livez"))[0] == 200
    status, words = await cut_off.get("/readyz")
    assert (status, json.loads(words)["database"], json.loads(words)["ready"]) == (503, "down", False)
    status, words = await cut_off.get("/v1/health")
    assert (status, json.loads(words)["status"]) == (503, "down")


async def test_metrics_count_answers_and_arrivals_in_the_form_that_prometheus_reads(site: Site) -> None:
    await vendors.telegram_text(5550103, "MENU").post(site.session, site.url)
    await site.get("/j/7K2MQ9")
    await site.get("/nothing/here")
    async with site.session.get(site.url + "/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = await answer.text()
    assert 'pardna_arrivals_total{kind="chat",source="telegram"} 1.0' in text
    assert 'pardna_http_seconds_count{route="/hooks/telegram",status="200"} 1.0' in text
    assert 'pardna_http_seconds_count{route="/j/{code}",status="404"} 1.0' in text
    assert 'pardna_http_seconds_count{route="/{none:.*}",status="404"} 1.0' in text


async def test_no_metric_names_a_code_an_address_or_a_token(site: Site) -> None:
    for path in ("/j/7K2MQ9", "/r/R-7K2MQ9XA", f"/pay/{rows.TOKEN}", "/sim/messages?channel=sms&address=8765550101"):
        await site.get(path)
    _, text = await site.get("/metrics")
    for secret in ("7K2MQ9", rows.TOKEN, "8765550101"):
        assert secret not in text
