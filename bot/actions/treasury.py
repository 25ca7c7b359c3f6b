"""The house's own books: the rate between two currencies, what carriers keep, exchange and move by themselves."""

from datetime import date

from bot.actions import deposits
from bot.actions.turn import Order, Turn
from bot.words.say import Figure, Refusal, Say, refuse, say
from domain import commands as c
from domain import exchange, ledger
from domain.exchange import Rate
from domain.ledger import Transfer
from domain.money import Currency, Money
from domain.people import Role


def set_rate(turn: Turn, command: c.SetRate) -> Say | Refusal:
    """RATE: Jamaican for US money from now on. Quotes that were given keep theirs."""
    if not command.rate:
        return _in_force(turn)
    rate = Rate(turn.tools.new_id(), command.rate, turn.person_id, turn.at)
    turn.book.put(rate)
    turn.book.rate = rate
    return say("rate_set", rate=f"J${exchange.show_rate(rate.jmd_per_usd)}")


def _in_force(turn: Turn) -> Say | Refusal:
    rate = turn.book.rate
    if rate is None:
        return refuse("rate_none")
    shown = f"J${exchange.show_rate(rate.jmd_per_usd)}"
    return say(
        "rate_now" if turn.rate else "rate_old",
        rate=shown,
        date=rate.set_at.date(),
    )


def charge(turn: Turn, command: c.Charge) -> None:
    """Book what a carrier kept, once a charge."""
    deposits.keep(
        turn,
        f"charge:{command.carrier}:{command.charge_id}",
        command.carrier,
        command.amount,
        Currency(command.currency),
    )


def converted(turn: Turn, command: c.Converted) -> None:
    """Book what a carrier exchanged by itself, both sides."""
    gave, got = Currency(command.gave_currency), Currency(command.got_currency)
    key = f"converted:{command.move_id}"
    out = Transfer(ledger.exchange(gave), ledger.rail(command.carrier, gave), command.gave)
    back = Transfer(ledger.rail(command.carrier, got), ledger.exchange(got), command.got)
    turn.move(f"{key}:gave", "exchange", out, gave)
    turn.move(f"{key}:got", "exchange", back, got)


def moved_out(turn: Turn, command: c.MovedOut) -> None:
    """Book money that left a carrier for our bank, until a statement shows it; or came back."""
    currency = Currency(command.currency)
    rail, transit = ledger.rail(command.carrier, currency), ledger.transit(currency)
    debit, credit = (rail, transit) if command.back else (transit, rail)
    key = f"moved:{command.move_id}" + (":back" if command.back else "")
    turn.move(key, "moved", Transfer(debit, credit, command.amount), currency)


# -- the house's clock --------------------------------------------------------------------------------------------


def ask_missed(turn: Turn, command: c.AskMissed) -> None:
    """Ask Stripe for events that never reached us: they are filed as its web hook would have filed them."""
    if "stripe" in turn.tools.carriers:
        body: dict[str, object] = {"what": "sweep", "since": command.since, "party": "stripe:missed"}
        turn.orders.append(Order("enquire", "stripe", f"missed:{command.since}", body))


def files_wait(turn: Turn, command: c.FilesWait) -> None:
    """Tell finance that payouts wait for a bank's file."""
    total, rail = Money(command.total, Currency(command.currency)), command.carrier.upper()
    turn.tell_staff([Role.FINANCE], say("staff_files_wait", count=command.orders, amount=total, rail=rail))


def books_wrong(turn: Turn, command: c.BooksWrong) -> None:
    """Tell compliance that the books are wrong somewhere; nothing is mended by itself."""
    turn.tell_staff([Role.COMPLIANCE], say("staff_books_wrong", what=command.subject))


def clearing_differs(turn: Turn, command: c.ClearingDiffers) -> None:
    """Tell compliance and finance that a carrier holds something else than the books say."""
    apart = Money(abs(command.difference), Currency(command.currency))
    figures: dict[str, Figure] = {
        "rail": command.carrier.upper(),
        "amount": apart,
        "date": date.fromisoformat(command.since),
    }
    told = say("staff_clearing_more" if command.difference > 0 else "staff_clearing_less", **figures)
    turn.tell_staff([Role.COMPLIANCE, Role.FINANCE], told)
