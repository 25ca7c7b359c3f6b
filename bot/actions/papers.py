"""Keeping what a document is drawn from. Nothing is drawn here: the desk stores facts, others draw when they send."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from bot.actions.turn import Turn
from domain.documents import KEPT_FOR, BookFacts, CardFacts, Document, DocumentKind, StatementFacts, place
from domain.enclosures import EnclosureFacts
from domain.pardna import Circle
from storage.documents import Facts

KINDS = {
    CardFacts: DocumentKind.CARD,
    StatementFacts: DocumentKind.STATEMENT,
    EnclosureFacts: DocumentKind.ENCLOSURE,
    BookFacts: DocumentKind.BOOK,
}


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """A kept document: its id, and the token that opens its page, which stands nowhere but in a message."""

    id: str
    token: str


def keep(
    turn: Turn,
    facts: Facts,
    person: str,
    *,
    circle: Circle | None = None,
    lasts: timedelta = KEPT_FOR,
) -> Kept:
    """Seal the facts of a document for whom it is made; the book writes it with all else of this turn."""
    kept = Kept(turn.tools.new_id(), turn.tools.new_id() + turn.tools.new_id())
    turn.book.put(
        Document(
            id=kept.id,
            kind=KINDS[type(facts)],
            person_id=person,
            circle=circle.code if circle else None,
            token_hash=hashlib.sha256(kept.token.encode()).digest(),
            sealed=turn.tools.vault.seal_json(place(kept.id), facts),
            made_at=turn.at,
            expires_at=turn.at + lasts,
        )
    )
    return kept
