"""Cash under the law's eye: how much may change hands at once, and what looks like one sum cut into parts.

The Proceeds of Crime Act lets nobody pay or take more than J$1,000,000 in cash in one transaction, nor split it to
avoid that. An entry stays below it with a margin. Sums of a week that come together to the law's own figure go to
compliance, quietly: what a member reads is the same either way (rules.md 58). Counsel has to confirm both figures.
"""

from bot.actions.turn import Turn
from bot.words.say import Refusal, refuse, say
from domain import exchange
from domain.money import Currency, Money
from domain.pardna import Circle
from domain.people import Role, Ticket, TicketKind


def too_much_cash(turn: Turn, circle: Circle, amount: int) -> Refusal | None:
    """Refuse an entry of cash that is too near to the law's limit."""
    most = turn.tools.rules.cash_most
    if _in_jmd(turn, circle, amount) <= most.minor:
        return None
    return refuse("cash_too_much", amount=circle.money(amount), most=most, ask_again="amount")


def cash_moved(turn: Turn, circle: Circle, person: str, amount: int) -> None:
    """Count cash for both who gave and who took it; what comes together to the limit is for compliance to look at."""
    cents = _in_jmd(turn, circle, amount)
    for who in sorted({person, circle.banker_id}):
        total = turn.book.cash_lately.get(who, 0) + cents
        turn.book.cash_lately[who] = total
        if total >= turn.tools.rules.cash_watched.minor:
            _alert(turn, circle, who, total)


def _in_jmd(turn: Turn, circle: Circle, amount: int) -> int:
    rate = turn.book.rate.jmd_per_usd if turn.book.rate else turn.tools.rules.rate_unknown
    return exchange.worth(amount, circle.currency, Currency.JMD, rate)


def _alert(turn: Turn, circle: Circle, who: str, total: int) -> None:
    """Put it into compliance's queue, once while that is open."""
    if turn.book.all(Ticket, kind=TicketKind.ALERT, person_id=who, closed_at=None):
        return
    ticket = turn.open_ticket(TicketKind.ALERT, person_id=who, circle=circle.code, subject=f"cash:{who}")
    told = say("staff_alert", amount=Money(total, Currency.JMD), ref=ticket.ref, who=turn.book.person(who).first_name)
    turn.tell_staff([Role.COMPLIANCE], told)
