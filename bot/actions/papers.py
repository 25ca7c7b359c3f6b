"""Keeping what a document is drawn from. Nothing is drawn here: the desk stores facts, others draw when they send."""

import hashlib
from dataclasses import dataclass

from bot.actions.turn import Turn
from domain.documents import KEPT_FOR, CardFacts, Document, DocumentKind, StatementFacts, place
from domain.pardna import Circle


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """A kept document: its id, and the token that opens its page, which stands nowhere but in a message."""

    id: str
    token: str


def keep(turn: Turn, circle: Circle, facts: CardFacts | StatementFacts, person: str) -> Kept:
    """Seal the facts of a document; the book writes it with all else of this turn."""
    kind = DocumentKind.CARD if isinstance(facts, CardFacts) else DocumentKind.STATEMENT
    kept = Kept(turn.tools.new_id(), turn.tools.new_id() + turn.tools.new_id())
    turn.book.put(
        Document(
            id=kept.id,
            kind=kind,
            person_id=person,
            circle=circle.code,
            token_hash=hashlib.sha256(kept.token.encode()).digest(),
            sealed=turn.tools.vault.seal_json(place(kept.id), facts),
            made_at=turn.at,
            expires_at=turn.at + KEPT_FOR,
        )
    )
    return kept
