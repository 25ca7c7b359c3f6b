"""The round as a picture and the book as a document: who gets what on which channel, and what it sums to."""

import re
from datetime import date
from typing import cast

from domain.documents import CardFacts, StatementFacts, What
from domain.messages import AttachmentKind, Channel, Outgoing, is_caption
from domain.pardna import ThrowState
from storage import documents
from storage.documents import Facts
from tests.flows.club import begun, fetch, found, new_circle, rows
from tests.teller import House, Phone, onboard


async def facts_of(house: House, message: Outgoing) -> Facts:
    """Read what a message's document is drawn from."""
    assert message.attachment is not None
    facts = await documents.by_id(house.engine, house.vault, message.attachment.document)
    assert facts is not None
    return facts


async def statement(house: House, phone: Phone, code: str) -> StatementFacts:
    """Ask for a statement and read what its link opens."""
    said = await phone.says(f"STATEMENT {code}").sees("/s/")
    token = found(r"(?<=/s/)[0-9a-f]+", said.text)
    facts = await documents.by_token(house.engine, house.vault, token, house.clock.now())
    assert isinstance(facts, StatementFacts)
    return facts


async def test_roster_comes_as_a_picture_with_its_words_and_by_sms_as_words_alone(house: House) -> None:
    club = await begun(house, 3)
    marva, devon, keisha = club.phones
    pays_on = cast(
        "date", await fetch(house, "SELECT pays_on FROM round WHERE circle = :c AND number = 1", c=club.code)
    )
    receipt = await devon.says(f"PAY SANDBOX {club.code}").sees("R-")
    assert f"Pot J$5,000 of J$15,000. Next draw: Marva, {pays_on:%a} {pays_on.day} {pays_on:%b}." in receipt.text
    await house.rest()
    for phone in (marva, keisha):
        said = await phone.says(f"ROSTER {club.code}").sees("1 Marva", "2 Devon, thrown", "pot J$5,000 of J$15,000")
        assert said.attachment is not None
        assert said.attachment.kind is AttachmentKind.IMAGE
        assert is_caption(said)
        assert "1 of 3 hands thrown" in said.attachment.alt
        assert "To throw: Marva, Keisha." in said.attachment.alt
        assert len(said.attachment.alt) <= 306
        card = await facts_of(house, said)
        assert isinstance(card, CardFacts)
        assert [t.state for t in card.throws] == [ThrowState.DUE, ThrowState.PAID, ThrowState.DUE]
        assert (card.pot, card.gross, card.who) == (500_000, 1_500_000, "Marva")
    said = await devon.says(f"ROSTER {club.code}").sees("1 Marva", "pot J$5,000 of J$15,000")
    assert devon.channel is Channel.SMS
    assert said.attachment is None


async def test_a_round_that_is_done_is_shown_once_and_the_books_lines_sum_to_what_is_held(house: House) -> None:
    """The picture goes to each who did not draw, the drawer's own lines to them alone, all lines to the banker."""
    club = await begun(house, 3, extra="fee 500")
    marva, devon, keisha = club.phones
    await devon.says(f"PAY 10000 SANDBOX {club.code}").sees("R-")
    await marva.says(f"CASH Keisha 5000 {club.code}").sees("Keisha")
    await keisha.says("CONFIRM").sees("R-")
    await club.pay(marva)
    await club.draw(marva)
    for phone in club.phones:
        await phone.look()
    assert [len([m for m in phone.messages if m.attachment]) for phone in club.phones] == [0, 0, 1]
    (done,) = [m for m in keisha.messages if m.attachment]
    for phone in (devon, keisha):
        assert await phone.saw("Round 1 of Sunday Club is done, Marva drew J$14,500", "Next: round 2, Devon")
    card = await facts_of(house, done)
    assert isinstance(card, CardFacts)
    assert (card.round, card.thrown, card.drawn) == (1, 3, 1_450_000)

    said = await devon.says(f"STATEMENT {club.code}").sees("you threw J$10,000", "drew J$0", "credit J$5,000")
    assert said.attachment is None
    mine = await statement(house, devon, club.code)
    assert [(e.what, e.amount, e.who) for e in mine.entries] == [(What.THROW, 1_000_000, "")]
    assert (mine.closing, mine.rounds[0].thrown, mine.rounds[0].drawn) == (1_000_000, 1_500_000, 1_450_000)
    own = "SELECT receipt FROM payment WHERE person_id = (SELECT person_id FROM address WHERE party = :p)"
    assert [(e.reference,) for e in mine.entries] == await rows(house, own, p=devon.party)
    assert [e.what for e in (await statement(house, keisha, club.code)).entries] == [What.THROW]

    book = await statement(house, marva, club.code)
    assert book.whole
    assert {e.who for e in book.entries} == {"Marva", "Devon", "Keisha"}
    assert {What.THROW, What.DRAW, What.FEE} == {e.what for e in book.entries}
    draws = {(e.who, e.round, e.reference[:2]) for e in book.entries if e.what is What.DRAW}
    assert draws == {("Marva", 1, "P-")}
    held = await house.balances(club.code)
    assert book.closing == sum(amount for name, amount in held.items() if not name.endswith(":cash"))


async def test_a_statement_is_a_document_where_the_channel_carries_one_and_a_link_everywhere(house: House) -> None:
    club = await begun(house, 3)
    marva, devon, _ = club.phones
    for phone in club.phones:
        said = await phone.says(f"STATEMENT {club.code}").sees("/s/")
        assert re.search(r"/s/[0-9a-f]{48}$", said.text)
        assert (said.attachment is None) is (phone.channel is Channel.SMS)
        if said.attachment:
            assert said.attachment.kind is AttachmentKind.DOCUMENT
            assert said.attachment.name.endswith(".pdf")
    await devon.says("LANGUAGE PATWA").sees("Patwa")
    said = await devon.says(f"STATEMENT {club.code}").sees("Every line", "yuh throw J$0")
    assert len(said.text) <= 306
    token = found(r"(?<=/s/)[0-9a-f]+", said.text)
    kept = await rows(house, "SELECT * FROM document")
    assert token not in repr(kept)
    assert b"Devon" not in b"".join(cell for row in kept for cell in row if isinstance(cell, bytes))
    assert await documents.by_token(house.engine, house.vault, token, house.clock.now()) is not None
    await house.pass_days(30.1)
    assert await documents.by_token(house.engine, house.vault, token, house.clock.now()) is None
    async with house.engine.begin() as conn:
        assert await documents.sweep(conn, house.clock.now()) == len(kept)

    stranger = house.phone("telegram", "5550777", "Ann Stone")
    await onboard(stranger, "Ann Stone")
    said = await stranger.says(f"STATEMENT {club.code}").sees("Sunday Club")
    assert said.attachment is None
    assert "/s/" not in said.text
    second = await new_circle(house, marva, 3)
    await marva.says("STATEMENT").sees("Which circle")
    assert (await marva.says(f"ROSTER {second}").sees("Nobody")).attachment is None


async def test_money_that_went_back_stands_in_the_book_and_the_balance_is_right(house: House) -> None:
    club = await begun(house, 2)
    marva, devon = club.phones
    await marva.says(f"CASH Devon 5000 {club.code}").sees("Devon")
    await devon.says("DENY").sees("set aside")
    await house.rest()
    kept = await rows(house, "SELECT state FROM payment")
    mine = await statement(house, devon, club.code)
    assert [(e.what, e.amount) for e in mine.entries] == [(What.THROW, 500_000), (What.TAKEN_BACK, -500_000)], kept
    assert mine.closing == 0
    await club.right()
