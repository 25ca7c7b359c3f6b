"""The books in words: which way accounts grow, and what a reversal is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import (
    EXTERNAL_CARRIERS,
    OPEN_FLOOR,
    Account,
    Hold,
    Side,
    Transaction,
    Transfer,
    cash,
    costs,
    credit,
    debt,
    effect,
    exchange,
    fee,
    lowered,
    operator,
    payable,
    posted,
    pot,
    rail,
    reversal,
    suspense,
    transit,
)
from domain.money import Currency

ASSETS = (rail("stripe", Currency.JMD), cash("PLUM22"))
LIABILITIES = (credit("PLUM22", "p1"), pot("PLUM22", 1), payable("PLUM22", 1), fee("PLUM22"))
HOUSE = (
    suspense("ncb", Currency.JMD),
    transit(Currency.JMD),
    costs("ncb", Currency.JMD),
    operator(Currency.JMD),
    exchange(Currency.JMD),
)
accounts = st.sampled_from(ASSETS + LIABILITIES)
transfers = (
    st.tuples(accounts, accounts, st.integers(1, 10**12))
    .filter(lambda made: made[0] != made[1])
    .map(lambda made: Transfer(*made))
)
transactions = st.lists(transfers, min_size=1, max_size=6).map(
    lambda made: Transaction("key", "throw", Currency.JMD, tuple(made), "PLUM22")
)


def change(transaction: Transaction, account: Account) -> int:
    return sum(effect(account, transfer) for transfer in transaction.transfers)


def test_an_asset_grows_by_a_debit_and_a_liability_by_a_credit() -> None:
    thrown = Transfer(debit=ASSETS[0], credit=LIABILITIES[0], amount=500)
    assert (effect(ASSETS[0], thrown), effect(LIABILITIES[0], thrown), effect(ASSETS[1], thrown)) == (
        500,
        500,
        0,
    )
    refunded = Transfer(debit=LIABILITIES[0], credit=ASSETS[0], amount=500)
    assert (effect(ASSETS[0], refunded), effect(LIABILITIES[0], refunded)) == (-500, -500)


def test_money_that_is_nobodys_is_on_no_account_of_a_circle() -> None:
    assert [account.circle for account in ASSETS] == [None, "PLUM22"]
    assert {account.circle for account in LIABILITIES} == {"PLUM22"}


def test_every_account_of_the_chart_has_its_own_name() -> None:
    named = [
        *ASSETS,
        *LIABILITIES,
        *HOUSE,
        debt("PLUM22", "p1"),
        exchange(Currency.USD),
        rail("stripe", Currency.USD),
        pot("PLUM22", 2),
        payable("PLUM22", 2),
    ]
    assert len({account.name for account in named}) == len(named)


@pytest.mark.parametrize("amount", [0, -1])
def test_a_transfer_moves_a_positive_amount(amount: int) -> None:
    with pytest.raises(ValueError, match="positive amount"):
        Transfer(ASSETS[0], LIABILITIES[0], amount)


def test_a_transfer_needs_two_accounts() -> None:
    with pytest.raises(ValueError, match="to itself"):
        Transfer(ASSETS[0], ASSETS[0], 1)


@given(transactions)
def test_assets_and_liabilities_change_by_the_same_sum(transaction: Transaction) -> None:
    by_side = {
        side: sum(change(transaction, account) for account in ASSETS + LIABILITIES if account.side is side)
        for side in Side
    }
    assert by_side[Side.ASSET] == by_side[Side.LIABILITY]


@given(transactions)
def test_a_reversal_takes_everything_back_last_transfer_first(transaction: Transaction) -> None:
    back = reversal(transaction, "back")
    assert (back.key, back.reverses, back.circle) == ("back", "key", "PLUM22")
    assert all(change(transaction, account) == -change(back, account) for account in ASSETS + LIABILITIES)
    assert [t.amount for t in back.transfers] == [t.amount for t in reversed(transaction.transfers)]


def test_only_what_may_really_be_below_zero_may_be() -> None:
    """A carrier takes its fees when it likes; nobody's credit, pot or cash is ever overdrawn."""
    zero = (*LIABILITIES, cash("PLUM22"), debt("PLUM22", "p1"), operator(Currency.JMD), rail("sandbox", Currency.JMD))
    assert {account.floor for account in zero} == {0}
    outside = [rail(carrier, Currency.JMD) for carrier in sorted(EXTERNAL_CARRIERS)]
    assert {account.floor for account in (*outside, transit(Currency.JMD), exchange(Currency.USD))} == {OPEN_FLOOR}


def held(debit: Account, credited: Account, amount: int = 100) -> Hold:
    return Hold("hold", "payout", Currency.JMD, debit, credited, amount, "PLUM22")


@pytest.mark.parametrize(
    ("hold", "accounts"),
    [
        (held(payable("PLUM22", 1), ASSETS[0]), (payable("PLUM22", 1), ASSETS[0])),
        (held(credit("PLUM22", "p1"), pot("PLUM22", 1)), (credit("PLUM22", "p1"),)),
        (held(ASSETS[1], ASSETS[0]), (ASSETS[0],)),
        (held(ASSETS[0], credit("PLUM22", "p1")), ()),
    ],
)
def test_an_amount_is_held_on_what_it_would_lower(hold: Hold, accounts: tuple[Account, ...]) -> None:
    assert lowered(hold) == accounts


@pytest.mark.parametrize(("amount", "moved"), [(None, 100), (100, 100), (1, 1)])
def test_a_hold_is_posted_whole_or_in_part(amount: int | None, moved: int) -> None:
    hold = held(payable("PLUM22", 1), ASSETS[0])
    made = posted(hold, "paid", amount)
    assert (made.key, made.kind, made.circle, made.resolves) == ("paid", "payout", "PLUM22", "hold")
    assert made.transfers == (Transfer(hold.debit, hold.credit, moved),)
    assert reversal(made, "back").resolves is None


@pytest.mark.parametrize("amount", [101, 0, -1])
def test_no_more_is_posted_than_was_held_and_not_nothing(amount: int) -> None:
    with pytest.raises(ValueError, match=r"100 is held|positive amount"):
        posted(held(payable("PLUM22", 1), ASSETS[0]), "paid", amount)


def test_a_hold_is_of_a_transfer_that_could_be() -> None:
    with pytest.raises(ValueError, match="positive amount"):
        held(ASSETS[0], ASSETS[1], 0)
    with pytest.raises(ValueError, match="to itself"):
        held(ASSETS[0], ASSETS[0])
