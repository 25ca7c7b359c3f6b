"""What the simulator's page looks at: the ledger in short, and messages of all phones. Reads only."""

from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text

from domain.messages import Outgoing
from domain.money import Currency, Money
from storage.engine import Connection, Engine
from storage.ledger import Totals, totals
from storage.reads import fetch, reading
from storage.simulated import Shown

MOST_ACCOUNTS = 500
MOST_TRANSFERS = 40
MOST_MESSAGES = 500

# The newest circles come first; the accounts of the rails, which belong to none, come last.
_ACCOUNTS = text("""
    SELECT a.name, a.side, a.currency, a.balance, coalesce(a.circle, ''), coalesce(circle.name, ''),
        coalesce(circle.state, ''), coalesce(split_part(btrim(person.name), ' ', 1), '')
    FROM ledger_account a
    LEFT JOIN circle ON circle.code = a.circle
    LEFT JOIN person ON person.id = split_part(a.name, ':', 4)
    ORDER BY circle.made_at DESC NULLS LAST, a.circle NULLS LAST, a.id LIMIT :most
""")
_TRANSFERS = text("""
    SELECT at, kind, currency, amount, debit, credit, coalesce(reverses, '')
    FROM ledger_transfer WHERE id > (SELECT coalesce(max(id), 0) - :most FROM ledger_transaction)
    ORDER BY id DESC, line LIMIT :most
""")
_ANYWHERE = text("""
    SELECT id, channel, address, CAST(body AS text) AS body, at FROM sim_message
    WHERE id > :after ORDER BY id LIMIT :most
""")
_LAST_ID = text("SELECT coalesce(max(id), 0) FROM sim_message")


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account with its balance in its own direction; `owner` is a first name where it is one person's."""

    name: str
    side: str
    balance: Money
    circle: str
    circle_name: str
    circle_state: str
    owner: str


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One transfer of a transaction."""

    at: datetime
    kind: str
    amount: Money
    debit: str
    credit: str
    reverses: str


class LedgerGlance:
    """Reads of the ledger; each raises Unreachable when there is no database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def accounts(self) -> list[AccountLine]:
        """Accounts by circle, the newest circle first, up to MOST_ACCOUNTS."""
        return [
            AccountLine(name, side, Money(balance, Currency(currency)), *rest)
            for name, side, currency, balance, *rest in await fetch(self._engine, _ACCOUNTS, {"most": MOST_ACCOUNTS})
        ]

    async def totals(self) -> list[Totals]:
        """What all accounts hold, by currency and side."""
        async with reading(self._engine) as conn:
            return await totals(conn)

    async def last_transfers(self) -> list[TransferLine]:
        """What moved last, the newest transaction first, up to MOST_TRANSFERS."""
        found = await fetch(self._engine, _TRANSFERS, {"most": MOST_TRANSFERS})
        return [
            TransferLine(at, kind, Money(amount, Currency(currency)), *rest)
            for at, kind, currency, amount, *rest in found
        ]


async def shown_anywhere(conn: Connection, after: int) -> list[Shown]:
    """Return what reached any phone after the message of that id, up to MOST_MESSAGES.

    Each phone's messages come in order; a lower id of another phone may be committed a moment later.
    """
    found = await conn.execute(_ANYWHERE, {"after": after, "most": MOST_MESSAGES})
    return [
        Shown(row.id, row.channel, row.address, Outgoing.from_json(orjson.loads(row.body)), row.at) for row in found
    ]


async def newest_message(conn: Connection) -> int:
    """Return the id of the newest message of all phones, 0 when there is none."""
    return int((await conn.execute(_LAST_ID)).scalar_one())
