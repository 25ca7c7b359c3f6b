"""Amounts as people write them (rules.md 5)."""
# ruff: noqa: RUF001 - look-alike characters are the subject

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    MOST_MINOR,
    Currency,
    CurrencyMismatch,
    Money,
    NotMoney,
    Unread,
    parse_money,
)

JMD, USD = Currency.JMD, Currency.USD
cents = st.integers(-(10**15), 10**15)


@pytest.mark.parametrize(
    ("minor", "currency", "text", "full"),
    [
        (500_000, JMD, "J$5,000", "J$5,000.00"),
        (500_050, JMD, "J$5,000.50", "J$5,000.50"),
        (5_000, USD, "US$50", "US$50.00"),
        (5, USD, "US$0.05", "US$0.05"),
        (0, JMD, "J$0", "J$0.00"),
        (-500_050, JMD, "-J$5,000.50", "-J$5,000.50"),
        (-500_000, JMD, "-J$5,000", "-J$5,000.00"),
        (MOST_MINOR, JMD, "J$10,000,000,000", "J$10,000,000,000.00"),
    ],
)
def test_money_is_written_as_the_copy_says(minor: int, currency: Currency, text: str, full: str) -> None:
    assert Money(minor, currency).text() == text
    assert Money(minor, currency).full() == full


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("5000", 500_000),
        ("5,000", 500_000),
        ("5 000", 500_000),
        ("1,234,567.89", 123_456_789),
        ("$5k", 500_000),
        ("5k", 500_000),
        ("5K", 500_000),
        ("2.5k", 250_000),
        ("2.55555k", 255_555),
        ("J$5,000.00", 500_000),
        ("j$ 5,000", 500_000),
        ("JA$5000", 500_000),
        ("5 grand", 500_000),
        ("5grand", 500_000),
        ("2 thousand dollars", 200_000),
        ("JMD 5000", 500_000),
        ("JMD $5,000", 500_000),
        ("$5000 JMD", 500_000),
        ("5000 dollars", 500_000),
        ("5000 Jamaican dollars", 500_000),
        ("5000$", 500_000),
        ("  5000 ", 500_000),
        ("5000.", 500_000),
        ("5000.5", 500_050),
        ("0.01", 1),
        ("0500", 50_000),
        ("５，０００", 500_000),  # a full-width keyboard
        ("＄５０００", 500_000),  # a full-width keyboard
        ("٥٠٠٠", 500_000),
        ("٥٬٠٠٠٫٥٠", 500_050),  # Arabic digits with their own marks
        ("५०००", 500_000),
        ("5\u00a0000", 500_000),
        ("\u200eJ$5,000\u202c", 500_000),
        ("JMD  5000", 500_000),
        ("10000000000", MOST_MINOR),
    ],
)
def test_an_amount_is_read_however_it_is_typed(typed: str, minor: int) -> None:
    assert parse_money(typed, JMD) == Money(minor, JMD)


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("US$50", 5_000),
        ("50 USD", 5_000),
        ("usd50", 5_000),
        ("USD 50.25", 5_025),
        ("US 50", 5_000),
        ("us $1k", 100_000),
    ],
)
def test_a_currency_in_the_text_beats_the_default(typed: str, minor: int) -> None:
    assert parse_money(typed, JMD) == Money(minor, USD)
    assert parse_money(typed, USD) == Money(minor, USD)


def test_a_bare_dollar_sign_is_the_default_currency() -> None:
    assert parse_money("$50", USD) == Money(5_000, USD)
    assert parse_money("J$50", USD) == Money(5_000, JMD)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", Unread.EMPTY),
        (" \n ", Unread.EMPTY),
        ("hello", Unread.NOT_A_NUMBER),
        ("J$", Unread.NOT_A_NUMBER),
        ("NaN", Unread.NOT_A_NUMBER),
        ("inf", Unread.NOT_A_NUMBER),
        ("1e9", Unread.NOT_A_NUMBER),
        ("10^12", Unread.NOT_A_NUMBER),
        ("0x10", Unread.NOT_A_NUMBER),
        ("5_000", Unread.NOT_A_NUMBER),
        ("5.5.5", Unread.NOT_A_NUMBER),
        (".", Unread.NOT_A_NUMBER),
        ("💰", Unread.NOT_A_NUMBER),
        ("5️⃣", Unread.NOT_A_NUMBER),
        ("5²", Unread.NOT_A_NUMBER),
        ("5①", Unread.NOT_A_NUMBER),
        ("½", Unread.NOT_A_NUMBER),
        ("5 kk", Unread.NOT_A_NUMBER),
        ("5" * 4000, Unread.NOT_A_NUMBER),
        ("x" * 4000, Unread.NOT_A_NUMBER),
        ("1,00", Unread.BAD_GROUPING),
        ("5,00,000", Unread.BAD_GROUPING),
        ("1234,567", Unread.BAD_GROUPING),
        ("5.000,00", Unread.BAD_GROUPING),
        ("J$5,0", Unread.BAD_GROUPING),
        ("5.000", Unread.TOO_MANY_DECIMALS),
        ("5000.005", Unread.TOO_MANY_DECIMALS),
        ("2.555555k", Unread.TOO_MANY_DECIMALS),
        ("5000 500", Unread.TWO_NUMBERS),
        ("5000\n500", Unread.TWO_NUMBERS),
        ("5000 and 500", Unread.TWO_NUMBERS),
        ("US$50 JMD", Unread.TWO_CURRENCIES),
        ("€50", Unread.OTHER_CURRENCY),
        ("50 CAD", Unread.OTHER_CURRENCY),
        ("TT$50", Unread.OTHER_CURRENCY),
        ("£50", Unread.OTHER_CURRENCY),
        ("0", Unread.ZERO),
        ("$0.00", Unread.ZERO),
        ("-0", Unread.ZERO),
        ("-5000", Unread.NEGATIVE),
        ("J$-50", Unread.NEGATIVE),
        ("-J$50", Unread.NEGATIVE),
        ("\u221250", Unread.NEGATIVE),
        ("1000000000000", Unread.TOO_LARGE),
        ("10000000000.01", Unread.TOO_LARGE),
        ("9" * 60, Unread.TOO_LARGE),
    ],
)
def test_what_is_no_amount_is_refused_with_its_reason(typed: str, reason: Unread) -> None:
    with pytest.raises(NotMoney) as refused:
        parse_money(typed, JMD)
    assert refused.value.reason is reason


def test_a_refusal_does_not_repeat_what_was_typed() -> None:
    """A PIN or a TRN typed at the wrong moment must not reach a log."""
    with pytest.raises(NotMoney) as refused:
        parse_money("pin 4711", JMD)
    assert "4711" not in str(refused.value)


@given(st.integers(1, MOST_MINOR), st.sampled_from(Currency))
def test_every_amount_is_read_back_as_it_was_written(minor: int, currency: Currency) -> None:
    money = Money(minor, currency)
    other = USD if currency is JMD else JMD
    assert parse_money(money.text(), other) == money
    assert parse_money(money.full().lower(), other) == money


@given(st.text(max_size=12) | st.text("0123456789.,-$ kJUSD", max_size=12))
def test_any_text_is_a_positive_amount_or_a_refusal(text: str) -> None:
    try:
        money = parse_money(text, JMD)
    except NotMoney:
        return
    assert 0 < money.minor <= MOST_MINOR


@given(cents, cents, st.sampled_from(Currency))
def test_money_adds_and_orders_like_its_cents(a: int, b: int, currency: Currency) -> None:
    x, y = Money(a, currency), Money(b, currency)
    assert x + y - y == x
    assert -(x - y) == y - x
    assert x * 3 == 3 * x == x + x + x
    assert (x < y, x <= y, x > y, x >= y) == (a < b, a <= b, a > b, a >= b)
    assert bool(x) == (a != 0)


def test_two_currencies_never_meet() -> None:
    jmd, usd = Money(1, JMD), Money(1, USD)
    assert jmd != usd
    with pytest.raises(CurrencyMismatch):
        jmd + usd
    with pytest.raises(CurrencyMismatch):
        jmd - usd
    with pytest.raises(CurrencyMismatch):
        jmd < usd  # noqa: B015 - the comparison itself is the point
    with pytest.raises(CurrencyMismatch):
        jmd >= usd  # noqa: B015


def test_money_takes_whole_minor_units_only() -> None:
    with pytest.raises(TypeError):
        Money(1.0, JMD)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Money(True, JMD)
    with pytest.raises(TypeError):
        Money(1, "JMD")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Money(1, JMD) * 0.5  # type: ignore[operator]
    with pytest.raises(CurrencyMismatch):
        Money(1, JMD) + 1  # type: ignore[operator]
