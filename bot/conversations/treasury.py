"""The words of staff about the house's money: REFUND, MATCH, RATE."""

from bot.conversations.flow import Flow, Question, Talk, do
from bot.conversations.lines import Words, first, line, rest
from bot.conversations.reading import miss, money_of, read_any_money, read_ref
from bot.conversations.staffing import read_ticket
from bot.words.say import say
from domain.commands import GiveBack, Match, SetRate
from domain.exchange import read_rate
from domain.money import Currency

read_receipt = read_ref("R")
OWN_WORDS = {
    "own": "OWN",
    "ours": "OWN",
    "move": "MOVE",
    "cost": "COST",
    "charge": "COST",
    "back": "BACK",
    "sent back": "BACK",
}


def _read_amount(typed: str, _: Talk) -> str:
    """Read an amount; its sign is kept only where one was typed, since the receipt alone tells the currency."""
    either = [read_any_money(typed, currency).full() for currency in Currency]
    return either[0] if len(set(either)) == 1 else either[0].removeprefix(Currency.JMD.sign)


def _give_back(talk: Talk) -> GiveBack:
    amount = talk.slots.get("amount", "")
    if not amount:
        return GiveBack(talk.slots["receipt"])
    money = money_of(amount)
    return GiveBack(talk.slots["receipt"], money.minor, "" if amount[0].isdigit() else money.currency.value)


REFUND = Flow(
    "refund",
    [Question("receipt", lambda _: say("ask_receipt"), read_receipt)],
    lambda talk: do(talk, _give_back(talk)),
    line("REFUND", ("receipt", first(read_receipt)), ("amount", rest(_read_amount))),
)


def _read_what(typed: str, talk: Talk) -> str:
    own = OWN_WORDS.get(typed.strip(" .!").casefold())
    return own or str(read_receipt(typed, talk))


def _match(talk: Talk) -> Match:
    what = talk.slots.get("what", "")
    return Match(talk.slots["ref"], "", what) if what in OWN_WORDS.values() else Match(talk.slots["ref"], what)


MATCH = Flow(
    "match",
    [Question("ref", lambda _: say("ask_ticket_ref"), read_ticket)],
    lambda talk: do(talk, _match(talk)),
    line("MATCH", ("ref", first(read_ticket)), ("what", rest(_read_what))),
)


def _read_rate(typed: str, _: Talk) -> int:
    rate = read_rate(typed)
    if not rate:
        raise miss("no_rate_read", typed)
    return rate


def _take_rate(left: Words, talk: Talk) -> tuple[int | None, Words]:
    figures = [w for w in left if w.upper() not in {"USD", "US$", "US", "=", "JMD", "J$"}]
    return (_read_rate(" ".join(figures), talk) if figures else None), []


RATE = Flow(
    "rate",
    [],
    lambda talk: do(talk, SetRate(talk.slots.get("rate", 0))),
    line("RATE", ("rate", _take_rate)),
)
