"""PLAN: a member pays what they missed in parts, and the keeper reminds of each (rules.md 42).

The plan binds nothing in the books: money goes to the oldest first as ever. It says what is expected when.
"""

from dataclasses import replace
from datetime import UTC, datetime, time

from bot.actions import misses, settling
from bot.actions.names import match_name
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, refuse, say, text
from domain import commands as c
from domain import ledger
from domain.arrears import Plan, PlanState
from domain.pardna import Circle
from domain.schedule import JAMAICA, local_date, nominal_due

MORNING = time(9)


def _open(turn: Turn, circle: Circle, person: str, upto: int) -> int:
    """Return what a member owes of rounds up to one, with late fees and what a card's bank took back."""
    dues = [d for d in turn.book.dues_of(circle.code, person) if d.round <= upto]
    return sum(d.left + d.late_left for d in dues) + turn.book.balance(ledger.debt(circle.code, person))


def propose(turn: Turn, command: c.ProposePlan) -> Say | Refusal:
    """Ask the banker whether what was missed may be paid in parts."""
    circle = turn.book.circle(command.circle)
    upto = max(misses.missed(turn, circle, turn.person_id), default=0)
    owed = _open(turn, circle, turn.person_id, upto)
    if not owed:
        return refuse("plan_nothing", circle=circle.name)
    if command.amount > owed:
        return refuse("plan_more", circle=circle.name, left=circle.money(owed), ask_again="amount")
    first = nominal_due(local_date(turn.at), command.every, 2)
    plan = Plan(
        circle=circle.code,
        person_id=turn.person_id,
        amount=command.amount,
        every=command.every,
        owed=owed,
        upto=upto,
        first_on=first,
        state=PlanState.PROPOSED,
        asked_at=turn.at,
    )
    turn.book.put(plan)
    who = turn.me.first_name
    names = settling.names_in(turn, circle)[turn.person_id]
    answers = (
        Answer(f"PLAN {circle.code} {names} OK", text("approve")),
        Answer(f"PLAN {circle.code} {names} NO", text("turn_down")),
    )
    turn.tell(circle.banker_id, say("plan_asked", *answers, who=who, **_figures(circle, plan)))
    banker = turn.book.person(circle.banker_id).first_name
    return say("plan_sent", banker=banker, **_figures(circle, plan))


def _figures(circle: Circle, plan: Plan) -> dict[str, Figure]:
    return {
        "circle": circle.name,
        "amount": circle.money(plan.amount, whose=plan.person_id),
        "owed": circle.money(plan.owed, whose=plan.person_id),
        "frequency": text(plan.every.value),
        "date": plan.first_on,
    }


def answer(turn: Turn, command: c.AnswerPlan) -> Say | Refusal:
    """Agree to a plan, and have its first part asked for on its day; or not."""
    circle = turn.book.circle(command.circle)
    asked = {p.person_id for p in turn.book.all(Plan, circle=circle.code, state=PlanState.PROPOSED)}
    names = {person: name for person, name in settling.names_in(turn, circle).items() if person in asked}
    found = match_name(command.who, names)
    if len(found) != 1:
        return refuse("who_of" if found else "plan_none", who=command.who, circle=circle.name)
    plan = turn.book.must(Plan, circle.code, found[0])
    plan = replace(plan, state=PlanState.AGREED if command.yes else PlanState.REFUSED)
    turn.book.put(plan)
    who, banker = turn.book.person(plan.person_id).first_name, turn.me.first_name
    if not command.yes:
        turn.tell(plan.person_id, say("plan_refused", banker=banker, circle=circle.name))
        return say("plan_refused_banker", who=who, circle=circle.name)
    _next(turn, plan, 1)
    turn.tell(plan.person_id, say("plan_agreed", banker=banker, **_figures(circle, plan)))
    return say("plan_agreed_banker", who=who, **_figures(circle, plan))


def _next(turn: Turn, plan: Plan, number: int) -> None:
    asked = plan.asked_at.isoformat()
    at = datetime.combine(plan.day(number), MORNING, JAMAICA).astimezone(UTC)
    key = f"plan:{plan.circle}:{plan.person_id}:{asked}:{number}"
    turn.plan(key, at, f"circle:{plan.circle}", c.PlanDue(plan.circle, plan.person_id, number, asked))


def plan_due(turn: Turn, command: c.PlanDue) -> None:
    """Ask for a part on its day; say to both where it is kept, or has fallen behind: then reminders are as before."""
    plan = turn.book.get(Plan, command.circle, command.person_id)
    if plan is None or plan.state is not PlanState.AGREED or plan.asked_at.isoformat() != command.asked:
        return
    circle = turn.book.circle(plan.circle)
    left = _open(turn, circle, plan.person_id, plan.upto)
    figures = _figures(circle, plan) | {"left": circle.money(left, whose=plan.person_id)}
    who = turn.book.person(plan.person_id).first_name
    pay = Answer(f"PAY {circle.code}", text("menu_pay"))
    if not left:
        turn.book.put(replace(plan, state=PlanState.KEPT))
        turn.tell(plan.person_id, say("plan_kept", **figures))
        turn.tell(circle.banker_id, say("plan_kept_banker", who=who, **figures))
    elif left > plan.left_after(command.number - 1):
        turn.book.put(replace(plan, state=PlanState.BEHIND))
        turn.tell(plan.person_id, say("plan_behind", pay, **figures))
        turn.tell(circle.banker_id, say("plan_behind_banker", who=who, **figures))
    else:
        part = circle.money(min(plan.amount, left), whose=plan.person_id)
        turn.tell(plan.person_id, say("plan_due", pay, **(figures | {"amount": part})))
        _next(turn, plan, command.number + 1)


def keeps_plan(turn: Turn, circle: Circle, person: str) -> bool:
    """Whether a member pays in parts as agreed: then nobody reminds them of the whole sum."""
    plan = turn.book.get(Plan, circle.code, person)
    return plan is not None and plan.state is PlanState.AGREED
