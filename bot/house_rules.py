"""The file of PARDNA_RULES (TOML): limits and times of the house, each checked, every fault named at once.

What it does not name stays as built in (domain/house.py, docs/operating.md).
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from domain.exchange import read_rate, show_rate
from domain.house import BUILT_IN, HouseRules
from domain.money import Currency, Money

MOST_DOLLARS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which field a name of the file sets, how its value is read (ValueError says what to write) and shown."""

    field: str
    read: Callable[[Any], Any]
    show: Callable[[Any], str]


def _dollars(value: Any) -> Money:
    if type(value) is not int or not 0 < value <= MOST_DOLLARS:
        raise ValueError("write whole Jamaican dollars, such as 900000")
    return Money(value * 100, Currency.JMD)


def _lasting(unit: str, least: int, most: int) -> Callable[[Any], timedelta]:
    def read(value: Any) -> timedelta:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"write {unit} from {least} to {most}")
        return timedelta(**{unit: value})

    return read


def _rate(value: Any) -> int:
    if not (rate := read_rate(str(value))):
        raise ValueError("write J$ for US$1, such as 160.5")
    return rate


def _time(value: Any) -> time:
    if not isinstance(value, time):
        raise ValueError("write a time such as 13:30:00")  # noqa: TRY004 - the file's fault, not the code's
    return value


def _days(value: Any) -> frozenset[date]:
    if not isinstance(value, list) or not all(isinstance(day, date) and not isinstance(day, datetime) for day in value):
        raise ValueError("write days such as [2026-12-24, 2026-12-31]")
    return frozenset(value)


def _show_days(days: frozenset[date]) -> str:
    return ", ".join(day.isoformat() for day in sorted(days)) or "none"


RULES: Final[Mapping[str, _Rule]] = {
    "cash.most": _Rule("cash_most", _dollars, Money.full),
    "cash.watched": _Rule("cash_watched", _dollars, Money.full),
    "exchange.quote_minutes": _Rule(
        "quote_lasts", _lasting("minutes", 30, 1380), lambda t: f"{t // timedelta(minutes=1)}"
    ),
    "exchange.rate_days": _Rule("rate_lasts", _lasting("days", 1, 31), lambda t: f"{t.days}"),
    "exchange.rate_unknown": _Rule("rate_unknown", _rate, lambda rate: f"J${show_rate(rate)}"),
    "payouts.ach_most": _Rule("ach_most", _dollars, Money.full),
    "payouts.ach_cut_off": _Rule("ach_cut_off", _time, time.isoformat),
    "payouts.rtgs_cut_off": _Rule("rtgs_cut_off", _time, time.isoformat),
    "payouts.wallet_most": _Rule("wallet_most", _dollars, Money.full),
    "calendar.closed": _Rule("closed", _days, _show_days),
    "calendar.open": _Rule("opened", _days, _show_days),
}
"""Every name that the file may hold."""


def read(path: Path | None) -> tuple[HouseRules, tuple[str, ...]]:
    """Return the rules with what a file sets of them, and its faults in a line each."""
    if path is None:
        return BUILT_IN, ()
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return BUILT_IN, (f"there is no file {path}",)
    except OSError as fault:
        return BUILT_IN, (f"{path} cannot be read ({fault.strerror})",)
    except ValueError as fault:  # no UTF-8, or no TOML
        return BUILT_IN, (f"{path} is not TOML: {fault}",)
    found: dict[str, Any] = {}
    faults = [fault for name, value in _flat(told) for fault in _take(name, value, found)]
    rules = HouseRules(**found)
    if rules.cash_most > rules.cash_watched:
        faults.append("cash.most: it must not be above cash.watched, or one entry would pass unseen")
    if both := rules.closed & rules.opened:
        faults.append(f"calendar: {_show_days(both)} cannot be both closed and open")
    return rules, tuple(faults)


def _flat(told: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for section, values in told.items():
        if isinstance(values, Mapping):
            yield from ((f"{section}.{name}", value) for name, value in values.items())
        else:
            yield section, values


def _take(name: str, value: Any, found: dict[str, Any]) -> Iterator[str]:
    rule = RULES.get(name)
    if rule is None:
        yield f"{name[:60]} is not known; there are {', '.join(RULES)}"
        return
    try:
        found[rule.field] = rule.read(value)
    except ValueError as fault:
        yield f"{name}: {fault}"


def shown(rules: HouseRules) -> Iterator[tuple[str, str, bool]]:
    """Yield each rule's name, what it is, and whether that is as built in."""
    for name, rule in RULES.items():
        value = getattr(rules, rule.field)
        yield name, rule.show(value), value == getattr(BUILT_IN, rule.field)
