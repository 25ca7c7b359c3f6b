"""SCORE: what somebody's deeds come to, line by line, and what others may know of it (rules.md 56)."""

from bot.actions.turn import Turn
from bot.words.say import Answer, Refusal, Say, Text, text
from domain import commands as c
from domain.pardna import MemberState
from domain.scores import MOST, START, Deed, Score, Tier, of_banker, of_member


def asked_about(turn: Turn, command: c.Command) -> set[str]:
    """Return whose deeds a command needs."""
    match command:
        case c.LookAtScore() | c.Agree():
            return {turn.person_id} - {""}
        case c.OpenLottery():
            return {m.person_id for m in turn.book.members(command.circle) if m.state is MemberState.IN}
        case c.Roster():
            return {m.person_id for m in turn.book.members(command.circle) if m.state is MemberState.ASKED}
        case _:
            return set()


def tier(turn: Turn, person: str) -> Tier:
    """Return what others may know of a member's score."""
    return of_member(turn.deeds.get(person, ())).tier


def tier_text(turn: Turn, person: str) -> Text:
    """Name it in words."""
    return text(f"tier_{tier(turn, person).value}")


def look_at_score(turn: Turn, command: c.LookAtScore) -> Say | Refusal:  # noqa: ARG001 - it names nothing
    """Explain my score as a member, and as a banker where I was one."""
    mine = turn.deeds.get(turn.person_id, ())
    lines = _explained("score_member", of_member(mine))
    as_banker = of_banker(mine)
    if as_banker.parts:
        lines += _explained("score_banker", as_banker)
    return Say((*lines, text("score_who_sees")), (Answer("MENU", text("menu")),))


def _explained(name: str, score: Score) -> list[Text]:
    lines: list[Text | str] = [text("score_start", points=START)]
    for part in score.parts:
        fades = text("score_fades", count=part.fades_in) if part.fades_in else ""
        lines.append(text(f"score_{part.what.value}", points=f"{part.points:+d}", count=part.count, fades=fades))
    head = (
        text(f"{name}_new", count=score.missing)
        if score.missing
        else text(name, points=score.points, most=MOST, tier=text(f"tier_{score.tier.value}"))
    )
    shown = [head] if score.missing and not score.parts else [head, text("score_lines", lines=tuple(lines))]
    return [*shown, _raises(name, score)]


def _raises(name: str, score: Score) -> Text:
    """Say what would raise it."""
    if any(part.what is Deed.OWED for part in score.parts):
        return text("score_raise_owed")
    if score.points == MOST:
        return text("score_best")
    return text("score_raise_banker" if name == "score_banker" else "score_raise_member")
