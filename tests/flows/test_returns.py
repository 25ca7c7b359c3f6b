"""Payouts that come back, in whatever order and however often it is told, and what the banker is owed (31, 34, 37)."""

import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from channels.base import Outcome, Refused, Sent
from channels.rails.sandbox import SandboxRail
from domain.money import Currency
from domain.payments import How, Route
from tests.flows.club import Club, account, begun, clerk, fetch, found, monday, rows
from tests.flows.test_rails import proved, standing, tell
from tests.teller import House, open_house

BANK = Route("SANDBOX", "sandbox", How.AT_ONCE, frozenset(Currency), pays=frozenset({"bank"}))
"""A carrier that pays to accounts alone."""
RAIL = "rail:sandbox:JMD"


class Quiet(SandboxRail):
    """A rail that takes payouts, and tells later what became of them."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[tuple[str, str, int]] = []
        """Key, payout and amount of each."""

    async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
        self.orders.append((key, order["payout_id"], order["amount"]))
        return Sent(f"op_{key}")

    @property
    def last(self) -> str:
        return self.orders[-1][1]


@pytest.fixture
def rail() -> Quiet:
    return Quiet()


@pytest.fixture
async def house(database_url: str, rail: Quiet) -> AsyncIterator[House]:
    async with open_house(database_url, at=monday(), rail=rail, routes=[BANK], holidays=frozenset()) as house:
        yield house


async def paid(house: House, payout: str) -> None:
    await tell(house, "disbursed", payout_id=payout, provider_id=f"op_{payout}")


async def refused(house: House, payout: str) -> None:
    await tell(house, "disburse_failed", payout_id=payout, reason="closed")


async def back(house: House, payout: str) -> None:
    await tell(house, "disburse_returned", payout_id=payout, reason="closed", provider_id=f"back_{payout}")


async def shown(house: House, line: str, payout: str, amount: int) -> None:
    """Show a payout on a statement, leaving (below zero) or come back."""
    said = {"carrier": "sandbox", "currency": "JMD", "booked": "2027-01-04"}
    await tell(house, "line", line_id=line, payout_id=payout, amount=amount, **said)


async def sent(house: House, **more: Any) -> Club:
    """Return a circle whose first draw, J$15,000 to Keisha's account, its carrier was asked to pay."""
    club = await begun(house, 3, order="Keisha, Marva, Devon", **more)
    _, _, keisha = club.phones
    await account(house, keisha)
    await club.pay(*club.phones)
    await club.pay_out()
    return club


async def again(club: Club) -> None:
    await club.banker.says(f"PAY OUT {club.code}").sees("is being sent again")
    await club.house.rest()


STATES = "SELECT state FROM payout WHERE kind = 'draw' ORDER BY tries, rail_amount"


async def states(house: House) -> list[str]:
    return [row[0] for row in await rows(house, STATES)]


# -- late and repeated words ----------------------------------------------------------------------------------


async def test_a_return_told_once_more_after_the_next_try_began_changes_nothing(house: House, rail: Quiet) -> None:
    """By the hook, then by a result file, then by the statement: one return, and the next try is its own."""
    club = await sent(house)
    _, _, keisha = club.phones
    first = rail.last
    await paid(house, first)
    await back(house, first)
    await keisha.sees("came back from NCB ...5678", "safe")
    await again(club)
    second = rail.last
    assert first != second
    await back(house, first)
    await shown(house, "out-1", first, -1_500_000)
    await shown(house, "in-1", first, 1_500_000)
    assert await states(house) == ["RETURNED", "SENDING"]
    assert await fetch(house, "SELECT count(*) FROM ticket WHERE kind = 'match'") == 0
    await paid(house, second)
    await back(house, first)
    assert await states(house) == ["RETURNED", "SENT"]
    assert await standing(house, RAIL) == 0
    await keisha.says("RECEIVED").sees("J$15,000", "in your hands")
    await club.right()


async def test_a_late_word_that_the_first_try_was_paid_does_not_confirm_the_second(house: House, rail: Quiet) -> None:
    club = await sent(house)
    _, _, keisha = club.phones
    first = rail.last
    await back(house, first)
    assert await states(house) == ["RETURNED", "FAILED"]
    await keisha.sees("came back from NCB ...5678")
    assert await club.banker.saw("came back from NCB ...5678", f"PAY OUT {club.code}")
    await again(club)
    await paid(house, first)
    assert await states(house) == ["RETURNED", "SENDING"]
    assert not await keisha.saw("RECEIVED")
    await refused(house, first)
    await paid(house, rail.last)
    assert await states(house) == ["RETURNED", "SENT"]
    assert await standing(house, RAIL) == 0
    await club.right()


async def test_a_second_line_of_a_payout_that_left_or_came_back_once_is_put_aside(house: House, rail: Quiet) -> None:
    club = await sent(house)
    await shown(house, "out-1", rail.last, -1_500_000)
    await back(house, rail.last)
    await shown(house, "in-1", rail.last, 1_500_000)
    await shown(house, "in-1b", rail.last, 1_500_000)
    assert await standing(house, "suspense:sandbox:JMD") == 1_500_000
    assert await states(house) == ["RETURNED", "FAILED"]
    await club.right()


async def test_a_return_found_by_looking_up_is_no_refusal(database_url: str) -> None:
    """The key is used up: what goes again has another."""

    class Lost(Quiet):
        async def disburse(self, order: Mapping[str, Any], key: str) -> Outcome:
            await super().disburse(order, key)
            return Refused("came back", "returned") if len(self.orders) == 1 else Sent(key, {"settled": True})

    lost = Lost()
    async with open_house(database_url, at=monday(), rail=lost, routes=[BANK], holidays=frozenset()) as house:
        club = await sent(house)
        await again(club)
        assert len({key for key, *_ in lost.orders}) == 2
        assert await states(house) == ["RETURNED", "SENT"]
        await club.right()


async def elsewhere(club: Club, rail: Quiet) -> str:
    """Have the first try refused and asked for anew, to another account. Returns the first."""
    _, _, keisha = club.phones
    first = rail.last
    await refused(club.house, first)
    await keisha.sees("did not reach NCB ...5678")
    await keisha.says("PAYOUT NCB 99991234").sees("NCB ...1234")
    await club.house.pass_days(1.1)
    await club.banker.says(f"PAY OUT {club.code}").sees("NCB ...1234", "second yes")
    return first


async def test_what_is_paid_though_it_was_refused_counts_while_nothing_is_out_in_its_place(
    house: House, rail: Quiet
) -> None:
    club = await sent(house)
    _, _, keisha = club.phones
    first = await elsewhere(club, rail)
    assert await states(house) == ["DROPPED", "ASKED"]
    await paid(house, first)
    await keisha.sees("J$15,000", "sent to NCB ...5678", "RECEIVED")
    assert await states(house) == ["SENT", "DROPPED"]
    await keisha.says("RECEIVED").sees("in your hands")
    assert len(rail.orders) == 1
    assert await house.balances(club.code) == {}
    await club.right()


async def test_what_is_paid_twice_is_told_loudly_and_counts_when_the_other_does_not_go(
    house: House, rail: Quiet
) -> None:
    miss = await clerk(house)
    club = await sent(house)
    own = {"carrier": "sandbox", "currency": "JMD", "booked": "2027-01-04", "hint": "interest"}
    await tell(house, "line", line_id="own", amount=1_500_000, **own)
    first = await elsewhere(club, rail)
    ref = str(await fetch(house, "SELECT ref FROM payout WHERE state = 'ASKED'"))
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await house.rest()
    await paid(house, first)
    await miss.sees("Paid twice?", "K-", ref)
    assert await states(house) == ["STRAY", "SENDING"]
    assert await standing(house, "suspense:sandbox:JMD") == -1_500_000
    await refused(house, rail.last)
    assert await states(house) == ["SENT", "DROPPED"]
    assert await standing(house, "suspense:sandbox:JMD") == 0
    await miss.says("QUEUE").sees("Nothing is waiting")
    assert len(rail.orders) == 2
    await club.right()


# -- cash beside it -------------------------------------------------------------------------------------------


async def split(house: House) -> Club:
    """Return a circle of which Keisha gets J$5,000 in cash and J$10,000 by the carrier, who was asked to pay."""
    club = await begun(house, 3, order="Keisha, Marva, Devon")
    marva, devon, keisha = club.phones
    await account(house, keisha)
    await club.pay(marva, keisha)
    await marva.says(f"CASH Devon 5000 {club.code}").sees("counted")
    await devon.says("CONFIRM").sees("is right")
    await club.pay_out()
    return club


async def test_only_the_carriers_part_of_what_was_received_comes_back(house: House, rail: Quiet) -> None:
    """rules 24, 37: the cash is with the drawer; what goes again, perhaps to another account, is the rest."""
    club = await split(house)
    marva, _, keisha = club.phones
    first = rail.last
    await paid(house, first)
    await keisha.says("RECEIVED").sees("J$15,000", "in your hands")
    await back(house, first)
    await keisha.sees("J$10,000", "came back from NCB ...5678")
    assert await fetch(house, "SELECT paid FROM draw") == 500_000
    assert (await house.balances(club.code)) == {f"circle:{club.code}:payable:1": 1_000_000}
    await keisha.says("PAYOUT NCB 99991234").sees("NCB ...1234")
    await house.pass_days(1.1)
    await marva.says(f"PAY OUT {club.code}").sees("J$10,000", "NCB ...1234", "second yes")
    ref = str(await fetch(house, "SELECT ref FROM payout WHERE state = 'ASKED'"))
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await house.rest()
    assert rail.orders[-1][2] == 1_000_000
    await paid(house, rail.last)
    await keisha.says("RECEIVED").sees("J$10,000", "in your hands")
    assert await fetch(house, "SELECT paid FROM draw") == 1_500_000
    assert await house.balances(club.code) == {}
    await club.right()


async def test_the_cash_part_goes_on_by_itself_when_the_carriers_comes_back(house: House, rail: Quiet) -> None:
    club = await split(house)
    _, _, keisha = club.phones
    ref = str(await fetch(house, "SELECT ref FROM payout"))
    await paid(house, rail.last)
    await back(house, rail.last)
    await keisha.says(f"RECEIVED {ref}").sees("J$5,000", "in your hands")
    assert await house.balances(club.code) == {f"circle:{club.code}:payable:1": 1_000_000}
    await again(club)
    await paid(house, rail.last)
    other = found(r"RECEIVED (P-\w{4})", "".join(o.id for o in (await keisha.sees("J$10,000", "sent to")).options))
    assert other != f"RECEIVED {ref}"
    await keisha.says(other).sees("J$10,000", "in your hands")
    assert await fetch(house, "SELECT state FROM draw") == "DONE"
    assert await house.balances(club.code) == {}
    await club.right()


async def test_what_the_banker_handed_over_and_comes_back_is_owed_to_the_banker(house: House, rail: Quiet) -> None:
    """rule 34: by way of the banker, who has given the drawer all of it: the drawer is paid."""
    miss = await clerk(house)
    club = await begun(house, 3, order="Keisha, Marva, Devon")
    marva, _, keisha = club.phones
    await account(house, marva)
    await club.pay(*club.phones)
    await club.pay_out()
    first = rail.last
    await paid(house, first)
    await keisha.says("RECEIVED").sees("J$15,000", "in your hands")
    await back(house, first)
    await back(house, first)
    await marva.sees("J$15,000 sent to you came back from NCB ...5678", "owed to you", f"PAY OUT {club.code}")
    await miss.sees("J$15,000", "came back from NCB ...5678")
    assert await house.balances(club.code) == {f"circle:{club.code}:fee": 1_500_000}
    assert await fetch(house, "SELECT state FROM draw") == "DONE"
    await marva.says(f"PAY OUT {club.code}").sees("J$15,000 that is owed to you as banker is on its way")
    await house.rest()
    await paid(house, rail.last)
    await marva.sees("J$15,000 that Sunday Club owed you as its banker was sent")
    assert await house.balances(club.code) == {}
    assert not await keisha.saw("came back")
    await club.right()


async def test_what_was_to_be_handed_over_and_comes_back_goes_again(house: House, rail: Quiet) -> None:
    club = await begun(house, 3, order="Keisha, Marva, Devon")
    marva, _, keisha = club.phones
    await account(house, marva)
    await club.pay(*club.phones)
    await club.pay_out()
    await paid(house, rail.last)
    await back(house, rail.last)
    await marva.sees("came back from NCB ...5678")
    assert await house.balances(club.code) == {f"circle:{club.code}:payable:1": 1_500_000}
    await again(club)
    await paid(house, rail.last)
    await keisha.says("RECEIVED").sees("J$15,000", "in your hands")
    assert await house.balances(club.code) == {}
    await club.right()


async def test_what_comes_back_while_the_rest_of_the_draw_is_asked_for_goes_into_the_pot(
    house: House, rail: Quiet
) -> None:
    """rule 36: a short pot was paid short, its rest came late, and then the first part came back."""
    club = await begun(house, 3, order="Keisha, Marva, Devon")
    marva, devon, keisha = club.phones
    await account(house, keisha)
    await club.pay(marva, keisha)
    await club.go(1, 4)
    await club.pay_out()
    first = rail.last
    await paid(house, first)
    await keisha.says("RECEIVED").sees("J$10,000", "in your hands")
    await devon.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    ref = found(r"P-\w{4}", (await marva.says(f"PAY OUT {club.code}").sees("J$5,000", "second yes")).text)
    await back(house, first)
    await keisha.sees("J$10,000", "came back")
    await (await club.asked(ref)).says(f"APPROVE PAYOUT {ref}").sees("Thank you")
    await house.rest()
    await paid(house, rail.last)
    await keisha.says("RECEIVED").sees("J$5,000", "J$10,000 is still owed to you")
    await marva.sees("J$10,000 more has come in for Keisha's draw")
    await club.pay_out()
    await paid(house, rail.last)
    await keisha.says("RECEIVED").sees("J$10,000")
    assert [amount for _, _, amount in rail.orders] == [1_000_000, 500_000, 1_000_000]
    assert await fetch(house, "SELECT state FROM draw") == "DONE"
    await club.right()


# -- what the banker is owed ----------------------------------------------------------------------------------


async def drawn(house: House, rail: Quiet) -> Club:
    """Return a circle whose banker has earned a fee and has no account."""
    club = await sent(house, extra="fee 500")
    _, _, keisha = club.phones
    await paid(house, rail.last)
    await keisha.says("RECEIVED").sees("in your hands")
    await club.banker.sees("your fee of J$500", "J$500 of it waits", "PAYOUT")
    return club


async def test_a_fee_without_an_account_is_paid_when_there_is_one(house: House, rail: Quiet) -> None:
    """rules 31, 34: a day after the account was set."""
    club = await drawn(house, rail)
    await club.banker.says(f"PAY OUT {club.code}").sees("has to set an account first")
    await club.banker.says("PAYOUT NCB 11112222").sees("NCB ...2222")
    await house.pass_days(0.9)
    assert len(rail.orders) == 1
    await house.pass_days(0.2)
    assert rail.orders[1][2] == 50_000
    await paid(house, rail.last)
    await club.banker.sees("J$500 that Sunday Club owed you", "NCB ...2222")
    assert not any(":fee" in name for name in await house.balances(club.code))
    await club.right()


async def test_a_fee_is_tried_again_at_pay_out_and_on_pay_day(house: House, rail: Quiet) -> None:
    club = await drawn(house, rail)
    await account(house, club.banker)
    await club.banker.says(f"PAY OUT {club.code}").sees("J$500 that is owed to you as banker is on its way to NCB")
    await house.rest()
    await back(house, rail.last)
    await club.banker.sees("J$500", "came back", "owed to you")
    await club.go(2, 4)
    assert [amount for _, _, amount in rail.orders] == [1_450_000, 50_000, 50_000]
    await paid(house, rail.last)
    assert not any(":fee" in name for name in await house.balances(club.code))
    await club.right()


async def test_a_fee_is_set_off_against_cash_that_comes_later(house: House, rail: Quiet) -> None:
    """rule 31"""
    club = await drawn(house, rail)
    marva, devon, _ = club.phones
    await club.go(2)
    await marva.says(f"CASH Devon 5000 {club.code}").sees("counted")
    await devon.says("CONFIRM").sees("is right")
    await marva.says(f"PAY OUT {club.code}")
    await marva.sees("J$500 that was owed to you as banker is paid, out of the cash you hold")
    assert len(rail.orders) == 1
    assert (await house.balances(club.code))[f"circle:{club.code}:cash"] == 450_000
    await club.right()


async def test_a_fee_that_a_closed_account_refused_goes_to_the_new_one(house: House, rail: Quiet) -> None:
    club = await drawn(house, rail)
    marva = club.banker
    await account(house, marva)
    await marva.says(f"PAY OUT {club.code}").sees("on its way to NCB ...5678")
    await house.rest()
    await refused(house, rail.last)
    await marva.sees("J$500", "did not reach NCB ...5678")
    await marva.says("PAYOUT NCB 99991234").sees("NCB ...1234")
    await marva.says(f"PAY OUT {club.code}").sees("another day")
    await house.pass_days(1.1)
    await marva.says(f"PAY OUT {club.code}").sees("on its way to NCB ...1234")
    await house.rest()
    await paid(house, rail.last)
    await marva.sees("J$500 that", "NCB ...1234")
    assert not any(":fee" in name for name in await house.balances(club.code))
    await club.right()


async def test_a_fee_waits_a_day_where_the_carrier_has_too_little(house: House, rail: Quiet) -> None:
    club = await drawn(house, rail)
    line = {"carrier": "sandbox", "currency": "JMD", "booked": "2027-01-04", "hint": "charge"}
    await tell(house, "line", line_id="gone", amount=-30_000, **line)
    await account(house, club.banker)
    await club.banker.says(f"PAY OUT {club.code}").sees("does not have J$500 free yet")
    await tell(house, "line", line_id="there", amount=30_000, **(line | {"hint": "interest"}))
    await house.pass_days(1.1)
    assert [amount for _, _, amount in rail.orders] == [1_450_000, 50_000]
    await club.right()


# -- in any order ---------------------------------------------------------------------------------------------

COURSES = 6
TELL = {"disbursed": paid, "failed": refused, "returned": back}


@pytest.mark.parametrize("seed", range(3))
async def test_words_in_any_order_and_number_leave_the_books_right(house: House, rail: Quiet, seed: int) -> None:
    """Two tries, whose words are told twice and mixed: at most one is out at a time, and what is out is what is booked.

    An order is final once it was refused or came back; only then may another go for the same money.
    """
    chance = random.Random(seed)  # noqa: S311 - a course that can be told again
    club = await sent(house)
    _, _, keisha = club.phones
    told: dict[str, set[str]] = {}
    fates: dict[str, list[str]] = {}
    for _ in range(COURSES):
        first = rail.last
        fates[first] = chance.choice([["returned"], ["failed"], ["disbursed", "returned"], ["failed", "returned"]])
        words = [(payout, word) for payout, fate in fates.items() for word in fate * 2]
        chance.shuffle(words)
        for payout, word in words:
            await TELL[word](house, payout)
            told.setdefault(payout, set()).add(word)
            live = [s for s in await states(house) if s not in {"RETURNED", "DROPPED"}]
            assert len(live) == 1, await rows(house, "SELECT id, state, tries FROM payout")
            await proved(house)
        await club.banker.says(f"PAY OUT {club.code}")
        await house.rest()
        for payout in {p for _, p, _ in rail.orders} - {rail.last}:
            assert told[payout] & {"failed", "returned"}, "another went while this one might have been paid"
    last = rail.last
    fates.pop(last, None)
    for payout, word in [(last, "disbursed"), *((p, w) for p, fate in fates.items() for w in fate)]:
        await TELL[word](house, payout)
    assert await states(house) == ["RETURNED"] * (len(await states(house)) - 1) + ["SENT"]
    assert await standing(house, RAIL) == 0
    await keisha.says("RECEIVED").sees("J$15,000", "in your hands")
    assert await house.balances(club.code) == {}
    await club.right()


async def test_a_carrier_is_not_believed_about_anothers_payout(house: House, rail: Quiet) -> None:
    await sent(house)
    for kind in ("disbursed", "disburse_failed", "disburse_returned"):
        await tell(house, kind, carrier="lynk", payout_id=rail.last, provider_id="x", reason="x")
        assert await states(house) == ["SENDING"]
    await tell(house, "disbursed", carrier="sandbox", payout_id=rail.last, provider_id="x")
    assert await states(house) == ["SENT"]
    await proved(house)
