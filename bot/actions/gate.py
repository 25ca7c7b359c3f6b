"""The one place where it is decided who may give which command."""

from bot.actions import pins
from bot.actions.turn import Turn
from bot.words.say import Refusal, refuse
from domain.commands import Command
from domain.pardna import Circle, Member, MemberState
from domain.people import Role


def check(turn: Turn, command: Command) -> Refusal | None:
    """Return why this person may not give this command, or not yet; None lets it through.

    What needs the PIN is kept until it was given (rules.md 54). Staff do nothing by SMS: a sender can be forged.
    """
    if wrong := _may_not(turn, command):
        return wrong
    if not command.needs_pin:
        return None
    if command.by == "staff" and turn.party.startswith("sms:"):
        return refuse("staff_not_by_sms")
    return pins.wait(turn, command)


def _may_not(turn: Turn, command: Command) -> Refusal | None:
    if command.by in {"system", "anyone"}:
        return _known_circle(turn, command)
    if not turn.person_id:
        return refuse("first_onboard")
    if command.by == "staff":
        allowed = turn.roles & {*command.roles, Role.ADMIN}
        return None if allowed else refuse("not_staff")
    return _known_circle(turn, command) or _inside(turn, command)


def _known_circle(turn: Turn, command: Command) -> Refusal | None:
    code = getattr(command, "circle", None)
    if code is None or turn.book.get(Circle, code) is not None:
        return None
    return refuse("no_circle", code=code, ask_again="code")


def _inside(turn: Turn, command: Command) -> Refusal | None:
    code = getattr(command, "circle", None)
    if code is None:
        return None
    circle = turn.book.circle(code)
    member = turn.book.get(Member, code, turn.person_id)
    is_member = member is not None and member.state is MemberState.IN
    is_banker = circle.banker_id == turn.person_id
    match command.by:
        case "banker" if not is_banker:
            return refuse("not_banker", circle=circle.name)
        case "member" if not is_member:
            return refuse("not_member", circle=circle.name, code=code)
        case "insider" if not (is_banker or is_member):
            return refuse("not_inside", circle=circle.name)
    return None
