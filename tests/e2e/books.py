"""What must be true when a run is over, asked of the database itself."""

from collections import Counter

from sqlalchemy import text

from channels.chat.whatsapp.payload import payload_of
from domain.messages import Outgoing, numbered
from storage import ledger, outbox
from storage.engine import Connection, make_engine
from storage.vault import Vault
from tests.e2e.circle import BY_RAIL, ROUNDS, THROW
from tests.e2e.providers import Providers
from tests.e2e.town import Town
from tests.standins import _graph_message

Sent = Counter[tuple[str, str]]
"""How often a text went to a party."""
IN_FLIGHT = 6
"""How many people may be written to at the same moment."""


async def prove(url: str, town: Town, code: str, *, kills: int = 0, each: int = 1) -> None:
    """Prove books, payouts and messages. A kill may repeat what was being sent, a message no more than `each` times."""
    engine = make_engine(url)
    try:
        async with engine.connect() as conn:
            await books_are_right(conn, code)
            await all_is_handled_once(conn, town)
            meant = await _meant(conn, town.providers)
    finally:
        await engine.dispose()
    paid_out_once(town.providers)
    extra = came_more_often(meant, town.providers)
    assert sum(extra.values()) <= kills * IN_FLIGHT, extra
    assert all(times <= each * meant[which] for which, times in extra.items()), extra
    providers = town.providers
    assert [*providers.whatsapp.refused, *providers.sms.refused, *providers.telegram.refused] == []
    assert {status for status, _ in providers.sandbox.refused} <= {404}  # a look-up of what was never taken


async def books_are_right(conn: Connection, code: str) -> None:
    """The ledger proves itself, the circle's accounts are empty, and every throw and draw is in it once."""
    assert (await ledger.verify(conn)).faults == ()
    assert await ledger.open_balances(conn, code) == {}
    kinds = Counter((await conn.execute(text("SELECT kind FROM ledger_transaction"))).scalars())
    assert kinds == {"throw": ROUNDS * ROUNDS, "payout": ROUNDS, "sent": ROUNDS, "handed": ROUNDS}
    throws = await conn.execute(text("SELECT count(*), sum(paid) FROM due"))
    assert tuple(throws.one()) == (ROUNDS * ROUNDS, ROUNDS * ROUNDS * THROW)


async def all_is_handled_once(conn: Connection, town: Town) -> None:
    """Each different hook call is one arrival, all are done, nothing is parked, given up or still waits."""
    waits = await conn.execute(text("SELECT kind, fault FROM inbox WHERE done_at IS NULL"))
    assert waits.all() == []
    chats = await conn.execute(text("SELECT count(*) FROM inbox WHERE kind = 'chat'"))
    assert chats.scalar_one() == town.calls
    waits = await conn.execute(text("SELECT lane, kind, state, fault FROM outbox WHERE state <> 'sent'"))
    assert waits.all() == []


def came_more_often(meant: Sent, providers: Providers) -> Sent:
    """Every message reached whom it was for, on their network; returns those that came more often than meant."""
    came = Counter(
        (f"{channel}:{heard.address}", heard.text)
        for channel in ("whatsapp", "sms", "telegram")
        for heard in providers.of(channel).heard
    )
    assert meant - came == Counter()
    return came - meant


async def _meant(conn: Connection, providers: Providers) -> Sent:
    vault = Vault.from_keys(providers.keys)
    rows = await conn.execute(text("SELECT lane, key, body FROM outbox WHERE kind = 'say' AND state = 'sent'"))
    meant: Sent = Counter()
    for row in rows:
        message = Outgoing.from_json(vault.open_json(outbox.place(row.key), row.body))
        shown = numbered(message) if row.lane.startswith("sms:") else message.text
        if message.template and shown not in providers.whatsapp.texts(row.lane.partition(":")[2]):
            payload = payload_of(row.lane.partition(":")[2], message)  # the clock had moved on for more than a day
            shown, _ = _graph_message(payload, providers.whatsapp.templates)
        meant[row.lane, shown] += 1
    return meant


def paid_out_once(providers: Providers) -> None:
    """The rail got each payout once, with the right sum."""
    assert [order["amount"] for order in providers.sandbox.payouts.values()] == [BY_RAIL] * ROUNDS
    assert [order["amount"] for order in providers.sandbox.collected.values()] == [THROW] * (ROUNDS - 2) * ROUNDS
