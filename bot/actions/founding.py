"""A circle before anybody is in: set up, its terms, the invitation, and called off (rules.md 1, 2, 11)."""

from dataclasses import replace

from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.codes import circle_code
from domain.pardna import Circle, CircleState, MemberState, become, seats_taken, terms_hash, terms_mark
from domain.schedule import period_days
from domain.telegram import deep_link

DEFAULT_GRACE = 3
BEFORE_THE_START = frozenset({CircleState.OPEN, CircleState.LOCKED})


def new_circle(turn: Turn, command: c.NewCircle) -> Say | Refusal:
    """Set up a circle. It is open for joining at once; the banker joins like anybody else."""
    circle = Circle(
        code=circle_code(turn.tools.randbelow),
        name=command.name,
        banker_id=turn.person_id,
        treasurer_id=None,
        state=CircleState.OPEN,
        currency=command.currency,
        throw=command.throw,
        frequency=command.frequency,
        turns=command.turns,
        first_due=command.first_due,
        order_by=command.order_by,
        fee=0,
        grace_days=DEFAULT_GRACE,
        terms_hash="",
        made_at=turn.at,
    )
    turn.book.put(replace(circle, terms_hash=terms_hash(circle)))
    join = Answer(f"JOIN {circle.code}", text("join_too"))
    invite = Answer(f"INVITE {circle.code}", text("invite"))
    figures: dict[str, Figure] = {
        "circle": circle.name,
        "code": circle.code,
        "throw": circle.money(circle.throw),
        "turns": circle.turns,
    }
    return say("circle_made", invite, join, frequency=text(circle.frequency.value), due=circle.first_due, **figures)


def invite(turn: Turn, command: c.Invite) -> Say | Refusal:
    """Give what is passed on to others: the word to type, and the page."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open", circle=circle.name)
    link = f"{turn.tools.site}/j/{circle.code}"
    left = circle.turns - seats_taken(turn.book.members(circle.code))
    said = [text("invitation", circle=circle.name, code=circle.code, link=link, left=left)]
    if (bot := turn.tools.bot()) and not turn.party.startswith("sms:"):
        said.append(text("invitation_telegram", link=deep_link(bot, circle.code)))
    return Say(tuple(said))


def terms_text(turn: Turn, circle: Circle) -> Text:
    """Write the terms on one line (copy.md, Join)."""
    banker = turn.book.person(circle.banker_id).first_name
    fee = text("terms_fee", fee=circle.money(circle.fee)) if circle.fee else text("terms_no_fee")
    return text(
        "terms",
        circle=circle.name,
        throw=circle.money(circle.throw),
        frequency=text(circle.frequency.value),
        turns=circle.turns,
        due=circle.first_due,
        order=text(f"order_{circle.order_by.name.lower()}"),
        fee=fee,
        grace=circle.grace_days,
        banker=banker,
    )


def set_terms(turn: Turn, command: c.SetTerms) -> Say | Refusal:
    """Change a term before the start. Acceptances given to the old terms are void and asked for again (rules.md 2)."""
    circle = turn.book.circle(command.circle)
    if circle.state not in BEFORE_THE_START:
        return refuse("terms_fixed", circle=circle.name)
    fee = circle.fee if command.fee is None else command.fee
    grace = circle.grace_days if command.grace_days is None else command.grace_days
    if fee >= circle.throw:
        return refuse("fee_too_high", fee=circle.money(fee), throw=circle.money(circle.throw))
    if grace >= period_days(circle.frequency):
        return refuse("grace_too_long", grace=grace, days=period_days(circle.frequency))
    changed = replace(circle, fee=fee, grace_days=grace)
    if circle.state is CircleState.LOCKED:
        changed = become(changed, CircleState.OPEN)
    changed = replace(changed, terms_hash=terms_hash(changed), terms_at=turn.at)
    if changed.terms_hash == circle.terms_hash:
        return refuse("terms_same", circle=circle.name)
    turn.book.put(changed)
    told = [m for m in turn.book.members(circle.code) if m.state in {MemberState.ASKED, MemberState.IN}]
    for member in told:
        turn.book.put(replace(member, agreed_hash=""))  # terms that come back are agreed to anew
        ask = Answer(f"AGREE {circle.code} {member.hands} {terms_mark(changed)}", text("i_agree"))
        turn.tell(
            member.person_id,
            Say(
                (text("terms_changed", circle=circle.name), terms_text(turn, changed), text("terms_agree")),
                (ask,),
            ),
        )
    return Say((text("terms_set", count=len(told)), terms_text(turn, changed)))


def close(turn: Turn, command: c.Close) -> Say | Refusal:
    """Call off a circle that has not begun. No money was taken, so none goes back."""
    circle = turn.book.circle(command.circle)
    if circle.state not in BEFORE_THE_START:
        return refuse("cannot_close", circle=circle.name)
    turn.book.put(replace(become(circle, CircleState.CANCELLED), ended_at=turn.at))
    for member in turn.book.members(circle.code):
        if member.state in {MemberState.ASKED, MemberState.IN} and member.person_id != turn.person_id:
            turn.tell(member.person_id, say("closed_told", circle=circle.name, banker=turn.me.first_name))
    return say("closed", circle=circle.name)
