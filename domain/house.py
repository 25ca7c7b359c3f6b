"""The limits and times of the house that its operator may set; each has the value that was found or decided.

Comes in as data (the file of PARDNA_RULES); what the law, a bank or a carrier says is said here once.
"""

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Final

from domain.money import Currency, Money


def _jmd(dollars: int) -> Money:
    return Money(dollars * 100, Currency.JMD)


@dataclass(frozen=True, slots=True)
class HouseRules:
    """Times are Jamaica's, exclusive. `rate_unknown`: ten-thousandths, as in domain/exchange.py."""

    cash_most: Money = field(default=_jmd(900_000))
    """In one entry of cash: below the law's figure with a margin (counsel has to confirm both)."""
    cash_watched: Money = field(default=_jmd(1_000_000))
    """Proceeds of Crime Act: what comes together to it within a week is for compliance to look at."""
    quote_lasts: timedelta = timedelta(minutes=30)
    """How long a quote in another currency is good: the shortest time for which Stripe keeps a pay link."""
    rate_lasts: timedelta = timedelta(days=3)
    """A rate that was set longer ago is not used any more: somebody has to say it again."""
    rate_unknown: int = 1_600_000
    """J$ for US$1 where staff have set no rate: rather too high, so that watching begins rather too early."""
    ach_most: Money = field(default=_jmd(1_000_000))
    """That sum included: Bank of Jamaica, in force since 2 May 2016. Above it JamClear-RTGS alone."""
    ach_cut_off: time = time(12)
    """JN Bank publishes 12:00 and 14:00; NCB once named 13:30 for files and 14:00 for RTGS. The earliest is taken."""
    rtgs_cut_off: time = time(14)
    wallet_most: Money = field(default=_jmd(250_000))
    """What a Lynk wallet of tier 2 may hold (Lynk's own table of limits): no payout to it is larger."""
    closed: frozenset[date] = frozenset()
    """Days on which banks are shut beside the holidays of the calendar that comes along."""
    opened: frozenset[date] = frozenset()
    """Days of that calendar on which banks are open all the same."""


BUILT_IN: Final = HouseRules()
