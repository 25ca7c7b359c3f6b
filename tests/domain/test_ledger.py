"""The books in words: which way accounts grow, and what a reversal is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import (
    Account,
    Side,
    Transaction,
    Transfer,
    cash,
    credit,
    effect,
    fee,
    payable,
    pot,
    rail,
    reversal,
)
from domain.money import Currency

ASSETS = (rail("stripe", Currency.JMD), cash("PLUM22"))
LIABILITIES = (credit("PLUM22", "p1"), pot("PLUM22", 1), payable("PLUM22", 1), fee("PLUM22"))
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
    named = [*ASSETS, *LIABILITIES, rail("stripe", Currency.USD), pot("PLUM22", 2), payable("PLUM22", 2)]
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
