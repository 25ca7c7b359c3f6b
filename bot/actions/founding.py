"""A circle before anybody is in: set up, its terms, the invitation, and called off (rules.md 1, 2, 11)."""

from dataclasses import replace

from bot import terms
from bot.actions.turn import Turn
from bot.words.say import Answer, Figure, Refusal, Say, Text, refuse, say, text
from domain import commands as c
from domain.codes import circle_code
from domain.pardna import (
    Circle,
    CircleState,
    MemberState,
    OrderBy,
    become,
    halves_taken,
    shown,
    terms_hash,
    terms_mark,
)
from domain.schedule import period_days
from domain.telegram import deep_link
from domain.terms import MOST_LATE, MOST_RESERVE, FeeKind, percent

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
        "order": text(f"order_{circle.order_by.name.lower()}"),
    }
    return say("circle_made", invite, join, frequency=text(circle.frequency.value), due=circle.first_due, **figures)


def invite(turn: Turn, command: c.Invite) -> Say | Refusal:
    """Give what is passed on to others: the word to type, and the page."""
    circle = turn.book.circle(command.circle)
    if circle.state is not CircleState.OPEN:
        return refuse("not_open", circle=circle.name)
    link = f"{turn.tools.site}/j/{circle.code}"
    left = shown(circle.halves - halves_taken(turn.book.members(circle.code)))
    said = [text("invitation", circle=circle.name, code=circle.code, link=link, left=left), *terms_texts(turn, circle)]
    if (bot := turn.tools.bot()) and not turn.party.startswith("sms:"):
        said.append(text("invitation_telegram", link=deep_link(bot, circle.code)))
    return Say(tuple(said))


def terms_texts(turn: Turn, circle: Circle, *, whole: bool = False) -> tuple[Text, ...]:
    """Write the terms: on one line (copy.md, Join), and a line for each that not every circle has, or (`whole`) all."""
    banker = turn.book.person(circle.banker_id).first_name
    head = text(
        "terms",
        circle=circle.name,
        throw=circle.money(circle.throw),
        frequency=text(circle.frequency.value),
        turns=circle.turns,
        due=circle.first_due,
        order=text(f"order_{circle.order_by.name.lower()}"),
        fee=terms.fee_text(circle.terms),
        grace=circle.grace_days,
        banker=banker,
    )
    trust = (text("terms_trust"),) if circle.order_by is OrderBy.TRUST else ()
    return (head, *trust, *terms.more_texts(circle.terms, banker, whole=whole))


def changed_terms(circle: Circle, command: c.SetTerms) -> Circle | Refusal:
    """Return a circle with the terms that are named, or say why they cannot be its terms."""
    changed = _changed(circle, command)
    return _no_terms(changed) or changed


def set_terms(turn: Turn, command: c.SetTerms) -> Say | Refusal:
    """Change a term before the start. Acceptances given to the old terms are void and asked for again (rules.md 2)."""
    circle = turn.book.circle(command.circle)
    if circle.state not in BEFORE_THE_START:
        return refuse("terms_fixed", circle=circle.name)
    changed = changed_terms(circle, command)
    if isinstance(changed, Refusal):
        return changed
    if circle.state is CircleState.LOCKED:
        changed = become(changed, CircleState.OPEN)
    changed = replace(changed, terms_hash=terms_hash(changed), terms_at=turn.at)
    if changed.terms_hash == circle.terms_hash:
        return refuse("terms_same", circle=circle.name)
    turn.book.put(changed)
    told = [m for m in turn.book.members(circle.code) if m.state in {MemberState.ASKED, MemberState.IN}]
    new = terms_texts(turn, changed)
    for member in told:
        turn.book.put(replace(member, agreed_hash=""))  # terms that come back are agreed to anew
        ask = Answer(f"AGREE {circle.code} {shown(member.halves)} {terms_mark(changed)}", text("i_agree"))
        what = Say((text("terms_changed", circle=circle.name), *new, text("terms_agree")), (ask,))
        turn.tell(member.person_id, what)
    return Say((text("terms_set", count=len(told)), *new))


def _changed(circle: Circle, command: c.SetTerms) -> Circle:
    """Return the circle with the terms that are named; a late fee without a cap comes to one throw at most."""
    if command.fee is not None:
        circle = replace(circle, fee_kind=FeeKind.FLAT, fee=command.fee, fee_share=0)
    if command.fee_kind is not None:
        circle = replace(circle, fee_kind=command.fee_kind, fee=0, fee_share=command.fee_share)
    if command.late_fee is not None or command.late_share is not None:
        flat, share = command.late_fee or 0, command.late_share or 0
        circle = replace(circle, late_fee=flat, late_share=share, late_cap=circle.throw if flat or share else 0)
    named = {
        "grace_days": command.grace_days,
        "late_cap": command.late_cap,
        "reserve_share": command.reserve_share,
        "cover": command.cover,
        "on_default": command.on_default,
    }
    return replace(circle, **{name: value for name, value in named.items() if value is not None})  # type: ignore[arg-type]


def _no_terms(circle: Circle) -> Refusal | None:
    """Say why these cannot be the terms of a circle."""
    agreed, days = circle.terms, period_days(circle.frequency)
    throw = circle.money(circle.throw)
    if agreed.fee_of() >= circle.throw and agreed.fee_kind is not FeeKind.HAND:
        return refuse("fee_too_high", fee=circle.money(agreed.fee_of()), throw=throw)
    if circle.grace_days >= days:
        return refuse("grace_too_long", grace=circle.grace_days, days=days)
    if agreed.late_fee >= circle.throw or agreed.late_share > MOST_LATE:
        return refuse("late_too_high", throw=throw, percent=percent(MOST_LATE))
    if agreed.late_cap and not agreed.has_late_fee:
        return refuse("cap_alone")
    if agreed.late_cap < agreed.late_fee:
        return refuse("cap_too_low", fee=circle.money(agreed.late_fee), most=circle.money(agreed.late_cap))
    if agreed.reserve_share > MOST_RESERVE:
        return refuse("reserve_too_high", percent=percent(MOST_RESERVE))
    return None


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
