"""Whole circles against a model that a child could keep (tests/flows/model.py), whatever people do in whatever order.

After each step the books and the beans agree: what each owes and has in credit, what a draw leaves, in = out + held;
one draw a hand; no account below its floor; and no member was told what the ledger does not say: in the end the
lines of every figure that anybody was shown add up to it.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from domain.money import Currency, Money
from domain.schedule import JAMAICA
from storage.embedded import EmbeddedPostgres
from tests.conftest import fresh
from tests.flows.club import Club, begun, clerk, monday, rows
from tests.flows.model import Beans
from tests.teller import PIN_QUESTIONS, House, Phone, open_house
from tests.why import figures_add_up

THROW = 500_000
COURSES = settings(stateful_step_count=100, phases=[Phase.generate], deadline=None)
"""Nothing is made smaller: each course takes seconds, and the steps that led to a fault are told as they were."""
PROVE_EVERY = 10
ACTS = [
    *["time"] * 5, *["throws"] * 2, *["pays"] * 2, *["pays_out"] * 3, *["second_yes"] * 3, *["answers_for_draw"] * 2,
    *["takes_cash"] * 2, *["answers_for_cash"] * 2, "pays_for_another", "claims_cash", "staff_decide",
]  # fmt: skip
TOLD = re.compile(r"(J\$[\d,]+(?:\.\d\d)?)[^J]*?(R-[A-Z2-9]{8})")
PAYMENTS = "SELECT receipt, person_id, amount FROM payment WHERE state = 'SETTLED' ORDER BY settled_at, receipt"
BACK = "SELECT substr(o.key, 7) FROM ledger_transaction t JOIN ledger_transaction o ON o.id = t.reverses"
DUES = (
    "SELECT h.person_id, d.round, d.amount - d.paid FROM due d JOIN hand h ON (h.circle, h.number) = (d.circle, d.hand)"
)
DRAWS = (
    "SELECT round, person_id, offset_throw, offset_arrears, net, paid FROM draw WHERE state <> 'HELD' ORDER BY round"
)
"""Draws that were worked out; one that is held takes nothing yet."""
OUT = """
    SELECT coalesce(sum(CASE credit_side WHEN 'asset' THEN amount ELSE -amount END), 0)
    FROM ledger_transfer WHERE credit_side <> debit_side AND coalesce(reverses, key) NOT LIKE 'throw:%'
"""
"""What left the circle, less what came back; by way of the banker's hands is not yet out."""
STATES = """
    SELECT state FROM payment UNION ALL SELECT state FROM payout UNION ALL SELECT state FROM round
    UNION ALL SELECT 'arrears' FROM draw WHERE offset_arrears > 0
"""
EVERYWHERE = {"SETTLED", "DENIED", "DISPUTED", "RECEIVED", "PRESUMED", "PAID", "arrears", "credit"}


@dataclass(frozen=True)
class Act:
    """One thing that somebody does; each kind takes of it what it needs. `odd`: in a way that is not meant."""

    what: str
    who: int
    whom: int
    amount: int
    hours: int
    odd: bool


people = st.integers(0, 3)
amounts = st.sampled_from([1000, 2500, 5000, 7000, 10_000, 20_000])
hours = st.sampled_from([2, 12, 24, 48, 80])
one_in_five = st.integers(0, 4).map(lambda n: n == 0)
acts = st.builds(Act, st.sampled_from(ACTS), people, people, amounts, hours, one_in_five)


class Course(RuleBasedStateMachine):
    """A circle of three or four, its beans, and a member of staff."""

    pg: EmbeddedPostgres
    seen: Counter[str]
    house: House
    club: Club
    beans: Beans
    staff: Phone

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.who: dict[str, str] = {}
        self.drawn: set[int] = set()
        self.steps = 0

    @initialize(size=st.integers(3, 4), fee=st.sampled_from([0, 500]))
    def begin(self, size: int, fee: int) -> None:
        """A circle begins on a Monday, and its first throw is due that day."""

        async def start() -> None:
            url = await self.stack.enter_async_context(fresh(self.pg))
            house = open_house(url, at=monday(), holidays=frozenset())
            self.house = await self.stack.enter_async_context(house)
            self.staff = await clerk(self.house)
            self.club = await begun(self.house, size, extra=f"fee {fee}" if fee else "")
            first = self.house.clock.now().astimezone(JAMAICA).date()
            self.beans = Beans([phone.name.split()[0] for phone in self.club.phones], THROW, fee * 100, first)
            self.who = dict(await rows(self.house, "SELECT id, split_part(name, ' ', 1) FROM person"))

        self.run(start())

    @rule(act=acts)
    def somebody(self, act: Act) -> None:
        """Do one thing. One rule for all of them: else whole courses go by without a payout, or without time."""
        self.run(getattr(self, f"_{act.what}")(act))

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something, let the service come to rest, and compare."""

        async def whole() -> None:
            await work
            await self.house.rest()
            await self._pins()
            await self.agree()

        self.runner.run(whole())

    def teardown(self) -> None:
        """Prove the books, and end the house."""
        if hasattr(self, "beans"):
            self.runner.run(self._prove())
            self.runner.run(figures_add_up(self.house))
        self.runner.run(self.stack.aclose())
        self.runner.close()

    async def _prove(self) -> None:
        """Prove the books, and note what the course has come to."""
        await self.house.books_are_right()
        self.seen.update(state for (state,) in await rows(self.house, STATES))
        self.seen["credit"] += sum(self.beans.credit.values()) > 0

    # -- what people do --------------------------------------------------------------------------------------

    def phone(self, number: int) -> Phone:
        """Return somebody's phone."""
        return self.club.phones[number % len(self.club.phones)]

    def name(self, number: int) -> str:
        """Return somebody's first name."""
        return self.phone(number).name.split()[0]

    async def _pays(self, act: Act) -> None:
        await self.phone(act.who).says(f"PAY {'' if act.odd else act.amount} SANDBOX {self.club.code}")

    async def _pays_for_another(self, act: Act) -> None:
        name = "Nobody" if act.odd else self.name(act.whom)
        await self.phone(act.who).says(f"PAY {act.amount} SANDBOX {self.club.code} FOR {name}")

    async def _throws(self, act: Act) -> None:
        for number, phone in enumerate(self.club.phones):
            if not act.odd or number != act.who:
                await phone.says(f"PAY SANDBOX {self.club.code}")

    async def _claims_cash(self, act: Act) -> None:
        for _ in range(1 + act.odd):
            await self.phone(act.who).says(f"PAY {act.amount} CASH {self.club.code}")

    async def _takes_cash(self, act: Act) -> None:
        banker = self.phone(act.whom) if act.odd else self.club.banker
        await banker.says(f"CASH {self.name(act.whom)} {act.amount} {self.club.code}")

    async def _answers_for_cash(self, act: Act) -> None:
        await self._answers(act, r"DENY[^R]*(R-[A-Z2-9]{8})", "CONFIRM" if act.whom else "DENY")

    async def _pays_out(self, act: Act) -> None:
        await (self.phone(act.who) if act.odd else self.club.banker).says(f"PAY OUT {self.club.code}")

    async def _second_yes(self, act: Act) -> None:
        await self._answers(act, r"APPROVE PAYOUT (P-\w{4})", "APPROVE PAYOUT")

    async def _answers_for_draw(self, act: Act) -> None:
        await self._answers(act, r"ref (P-\w{4})[^P]*RECEIVED", "RECEIVED" if act.whom else "NOT RECEIVED")

    async def _staff_decide(self, act: Act) -> None:
        queue = await self.staff.says("QUEUE").sees("wait")
        for ref in re.findall(r"K-\w{4}", queue.text)[: 1 if act.odd else 3]:
            await self.staff.says(f"CASE {ref} {'OK' if act.whom else 'NO'}")
            await self.house.rest()

    async def _time(self, act: Act) -> None:
        """Go past each midnight and morning by itself: what is done then is compared as of then."""
        goal = self.house.clock.now() + timedelta(hours=1 if act.odd else act.hours)
        while (now := self.house.clock.now()) < goal:
            today = now.astimezone(JAMAICA).replace(minute=1, second=0, microsecond=0)
            marks = [today.replace(hour=hour) + timedelta(days=day) for day in (0, 1) for hour in (0, 9)]
            await self.house.go_to(min([mark for mark in marks if mark > now] + [goal]))
            await self.agree()

    async def _answers(self, act: Act, asked: str, word: str) -> None:
        """Answer the last question of a kind: one who was asked, or else anybody."""
        questions = [(ref, phone) for phone in self.club.phones for ref in re.findall(asked, phone.text)[-1:]]
        ref, phone = questions[act.who % len(questions)] if questions else ("", self.club.banker)
        await (self.phone(act.who) if act.odd else phone).says(f"{word} {ref}".strip())

    async def _pins(self) -> None:
        """Type the PIN wherever it is asked for (rule 54)."""
        for phone in self.club.phones:
            while any(question in m.text for m in await phone.look() for question in PIN_QUESTIONS):
                await phone.types(phone.pin)
                await self.house.rest()

    # -- what has to be so -----------------------------------------------------------------------------------

    async def agree(self) -> None:
        """Let the beans follow what happened, and compare."""
        for phone in self.club.phones:
            await phone.look()
        back = {key for (key,) in await rows(self.house, BACK)}
        for receipt in back & set(self.beans.own):
            self.beans.take_back(receipt)
        self.beans.pass_to(self.house.clock.now())
        await self._payments(back)
        await self._draws()
        owed = {(self.who[p], number): left for p, number, left in await rows(self.house, DUES)}
        assert owed == {(name, n): left for name in self.beans.names for n, left in self.beans.left[name].items()}
        await self._money()
        self.steps += 1
        if self.steps % PROVE_EVERY == 0:
            await self._prove()

    async def _payments(self, back: set[str]) -> None:
        """Whoever's beans were counted was told so, with the amount."""
        told = {code: amount for phone in self.club.phones for amount, code in TOLD.findall(phone.text)}
        for receipt, person, amount in await rows(self.house, PAYMENTS):
            if receipt not in back and receipt not in self.beans.own:
                self.beans.pay(receipt, self.who[person], amount)
                assert told[receipt] == Money(amount, Currency.JMD).text(), (receipt, amount)

    async def _draws(self) -> None:
        """A draw is worked out as the beans say, once a hand."""
        for number, person, own, arrears, net, paid in await rows(self.house, DRAWS):
            assert paid <= net
            if number not in self.drawn:
                self.drawn.add(number)
                name = self.who[person]
                assert name == self.beans.names[number - 1]
                assert (own, arrears, net) == self.beans.draw(name, number, self.house.clock.now(), arrears)

    async def _money(self) -> None:
        """In = out + held: what was thrown, less what went out, is what the circle's accounts owe."""
        held = await self.house.balances(self.club.code)
        credit = {self.who[n.rsplit(":", 1)[1]]: v for n, v in held.items() if ":credit:" in n}
        assert credit == {name: v for name, v in self.beans.credit.items() if v}
        held.pop(f"circle:{self.club.code}:cash", 0)
        ((out,),) = await rows(self.house, OUT)
        assert sum(self.beans.thrown.values()) == sum(held.values()) + out, held


@pytest.mark.timeout(900)
def test_books_and_beans_agree_whatever_people_do(pg: EmbeddedPostgres) -> None:
    """2,000 steps; and they led everywhere that a circle can go."""
    seen = courses(pg, settings(COURSES, max_examples=20, derandomize=True))
    assert set(seen) >= EVERYWHERE, seen


@pytest.mark.soak
@pytest.mark.timeout(40_000)
def test_books_and_beans_agree_for_long(pg: EmbeddedPostgres) -> None:
    """100,000 steps, others each time."""
    courses(pg, settings(COURSES, max_examples=1000))


def courses(pg: EmbeddedPostgres, how: settings) -> Counter[str]:
    """Let courses take place; returns what came about in them, counted every few steps."""

    class Here(Course):
        pass

    Here.pg, Here.seen = pg, Counter()
    run_state_machine_as_test(Here, settings=how)
    return Here.seen
