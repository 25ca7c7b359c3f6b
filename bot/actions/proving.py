"""PROOF: whether the book still is what was told of it, and the mark that rounds' messages carry (docs/proof.md)."""

from bot.actions import papers
from bot.actions.turn import Turn
from bot.words.say import Answer, Say, Text, say, text
from domain import commands as c
from domain.chain import ToldMark, first_mark, mark, shown
from domain.documents import BookFacts
from domain.enclosures import OPEN_FOR
from domain.pardna import Circle
from domain.schedule import local, local_date
from storage.chains import Proved


def mark_for(turn: Turn, circle: Circle, person: str) -> str:
    """Return the mark of the book as it is sealed now, and note that this person is told it."""
    head = turn.book.heads.get(circle.code)
    lines, told = (head.lines, head.mark) if head else (0, first_mark(circle.code))
    turn.book.put(ToldMark(circle.code, person, lines, told, turn.at))
    return shown(told)


def proof(turn: Turn, command: c.Proof) -> Say:
    """Say what the book comes to now, and whether the marks that were told are in it."""
    circle = turn.book.circle(command.circle)
    proved = turn.proofs[circle.code, turn.person_id]
    if not proved.walk.chain.lines:
        return say("proof_none", circle=circle.name)
    if command.as_file:
        return _file(turn, circle)
    texts = [_head(circle, proved), *_marks(proved, command.mark)]
    if proved.walk.fault:
        day, what = local_date(turn.at), proved.walk.fault.partition(":")[0]
        turn.plan(f"proof:{circle.code}:{day}", turn.at, f"house:proof:{circle.code}", c.BooksWrong(what))
        texts.append(text("proof_broken", count=proved.walk.broken))
    return Say(tuple(texts), (Answer(f"PROOF {circle.code} FILE", text("proof_get_file")),))


def _head(circle: Circle, proved: Proved) -> Text:
    chain, at = proved.walk.chain, local(proved.walk.heads[-1].sealed_at) if proved.walk.heads else None
    return text(
        "proof_head",
        code=circle.code,
        mark=shown(mark(chain.head)),
        circle=circle.name,
        count=chain.lines,
        time=f"{at:%H:%M}" if at else "",
        date=at.date() if at else "",
    )


def _marks(proved: Proved, asked: str) -> list[Text]:
    if asked:
        after = proved.after(asked)
        return (
            [text("proof_not", mark=shown(asked))]
            if after is None
            else [text("proof_in", mark=shown(asked), count=after)]
        )
    if not proved.told:
        return [text("proof_keep")]
    there = [shown(mark_) for mark_ in proved.told if proved.after(mark_) is not None]
    gone = [shown(mark_) for mark_ in proved.told if proved.after(mark_) is None]
    texts = [text("proof_told", marks=", ".join(there))] if there else []
    return texts + ([text("proof_told_not", marks=", ".join(gone))] if gone else [])


def _file(turn: Turn, circle: Circle) -> Say:
    facts = BookFacts(circle.code, turn.person_id, whole=circle.banker_id == turn.person_id)
    kept = papers.keep(turn, facts, turn.person_id, circle=circle, lasts=OPEN_FOR)
    minutes = int(OPEN_FOR.total_seconds() // 60)
    return say("proof_file", circle=circle.name, minutes=minutes, link=f"{turn.tools.site}/b/{kept.token}.json")
