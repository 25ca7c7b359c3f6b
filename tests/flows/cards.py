"""Stripe's stand-in in the house of the chat tests: people pay, banks dispute, and what it tells is filed once."""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from channels.http import Http
from channels.rails.stripe import StripeRail
from domain.messages import Filed
from domain.money import Currency
from domain.payments import How, Route
from storage import ledger
from tests.flows.club import fetch, monday
from tests.stripe_site import Site
from tests.stripe_standin import API_KEY, StripeStandin
from tests.teller import House, Phone, open_house

EVERY, USD = frozenset(Currency), frozenset({Currency.USD})
ROUTES = (
    Route("SANDBOX", "sandbox", How.AT_ONCE, EVERY, pays=frozenset({"any"})),
    Route("CARD", "stripe", How.PAGE, EVERY),
    Route("USCARD", "stripe", How.PAGE, USD),
)


@dataclass
class Stripe:
    """The stand-in, and its web hook's way into the house."""

    house: House
    account: StripeStandin
    site: Site

    async def tells(self) -> None:
        """File what its hook brought, each once, and let the house work."""
        await self.account.delivered()
        await self.house.filer.file(list(self.site.filed.values()))
        await self.house.rest()

    async def repeats(self, kind: str, times: int = 1) -> None:
        """Have what was told of a kind told again under other names, so that the inbox takes it for something new."""
        told = [filed for filed in self.site.filed.values() if filed.body["kind"] == kind]
        again = [
            Filed(
                filed.source, f"{filed.external_id}:again:{time.monotonic_ns()}:{n}", filed.party, "event", filed.body
            )
            for filed in told
            for n in range(times)
        ]
        assert again
        await self.house.filer.file(again)
        await self.house.rest()

    async def pays(self, phone: Phone, line: str = "PAY 5000 CARD") -> tuple[str, str]:
        """Ask for a page and pay on it; returns the receipt and Stripe's name of the payment."""
        receipt = await self.asks(phone, line)
        return receipt, await self.pays_page(receipt)

    async def asks(self, phone: Phone, line: str = "PAY 5000 CARD") -> str:
        """Ask for a page to pay; returns the receipt."""
        await phone.says(line).sees("page to pay")
        await self.house.rest()
        query = "SELECT receipt FROM payment WHERE state = 'PENDING' ORDER BY began_at DESC LIMIT 1"
        return str(await fetch(self.house, query))

    async def pays_page(self, receipt: str) -> str:
        """Pay on the page of a receipt."""
        session = next(s for s in self.account.of_kind("checkout.session") if s["metadata"].get("receipt") == receipt)
        intent = await self.account.pay(session["id"])
        await self.tells()
        return intent

    async def right(self) -> None:
        """Prove the books, and that they say of Stripe's balance what Stripe does."""
        await self.house.books_are_right()
        async with self.house.engine.connect() as conn:
            assert all(one.assets == one.liabilities for one in await ledger.totals(conn))
        for currency in Currency:
            assert await standing(self.house, f"rail:stripe:{currency}") == self.account.balance_of(currency.lower())


@asynccontextmanager
async def open_stripe(database_url: str, routes: Iterable[Route] = ROUTES) -> AsyncIterator[Stripe]:
    """Start a house with the stand-in behind its cards."""
    standin = StripeStandin()
    await standin.start()
    async with Site() as site, aiohttp.ClientSession() as session:
        standin.hook_url = site.url
        rail = StripeRail(Http(session, "stripe"), API_KEY, standin.api_url, time.time)
        async with open_house(
            database_url, at=monday(), routes=routes, carriers={"stripe": rail}, holidays=frozenset()
        ) as house:
            standin.now = lambda: house.clock.now().timestamp()
            yield Stripe(house, standin, site)
    await standin.stop()


async def standing(house: House, account: str) -> int:
    """Return what stands on an account, by its name; `%` stands for anything."""
    query = "SELECT coalesce(sum(balance), 0)::text FROM ledger_account WHERE name LIKE :n"
    return int(str(await fetch(house, query, n=account)))
