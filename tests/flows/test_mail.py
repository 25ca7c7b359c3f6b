"""E-mail is a way to be reached and no conversation: linked by a code, told last, and ended by one click."""

from domain.messages import Filed
from storage import duties
from storage.duties import Duty
from tests.flows.club import begun, clerk, fetch, people, rows
from tests.flows.test_people import link
from tests.teller import House, Phone


async def test_an_e_mail_address_is_added_by_the_code_that_went_to_it(house: House) -> None:
    [marva] = await people(house, 1)
    mail = house.phone("email", "marva@example.com")
    await marva.says(await link(marva, mail)).sees("is added", "e-mail m...@example.com", "COPIES OFF")
    await mail.sees("this address is now yours", "COPIES OFF")
    assert await fetch(house, "SELECT count(*) FROM address") == 2


async def test_the_last_address_that_can_talk_stays(house: House) -> None:
    [marva] = await people(house, 1)
    mail = house.phone("email", "marva@example.com")
    await marva.says(await link(marva, mail)).sees("is added")
    await marva.says("UNLINK WHATSAPP +18765550101").sees("only address")
    await marva.says("UNLINK EMAIL Marva@Example.com").sees("e-mail m...@example.com")
    await house.rest()
    assert await fetch(house, "SELECT count(*) FROM address") == 1


async def with_mail(house: House, phone: Phone) -> Phone:
    """Add a mail address to somebody."""
    mail = house.phone("email", f"{phone.name.split()[0].lower()}@example.com")
    await phone.says(await link(phone, mail)).sees("is added")
    await house.rest()
    await mail.look()
    return mail


def receipts(phone: Phone) -> list[str]:
    return [m.text for m in phone.messages if " for Sunday Club, round" in m.text]


async def test_a_receipt_comes_by_mail_too_once(house: House) -> None:
    club = await begun(house)
    devon = club.phones[1]
    mail = await with_mail(house, devon)
    await club.pay(devon)
    await house.rest()
    await mail.sees("J$5,000 from Devon for Sunday Club", "R-")
    await devon.look()
    assert receipts(mail) == receipts(devon)
    assert len(receipts(mail)) == 1
    counted = await rows(house, "SELECT DISTINCT notice FROM outbox WHERE starts_with(lane, 'email')")
    assert counted == [(None,)], "a copy is not the way of a notice"


async def test_a_receipt_that_is_the_answer_comes_by_mail_too(house: House) -> None:
    """Cash that the banker wrote down is confirmed by a word, and the receipt is the answer to it."""
    club = await begun(house)
    devon = club.phones[1]
    mail = await with_mail(house, devon)
    await club.banker.says(f"CASH Devon 5000 {club.code}").sees("counted")
    await mail.sees("J$5,000 from Devon for Sunday Club")
    await devon.says("CONFIRM").sees("is right")
    await mail.sees("J$5,000 in cash for Sunday Club is right")
    await house.rest()
    await mail.look()
    assert sum("Sunday Club is right" in m.text for m in mail.messages) == 1


async def test_other_news_are_not_copied(house: House) -> None:
    club = await begun(house)
    mail = await with_mail(house, club.banker)
    before = len(mail.messages)
    await club.pay(club.phones[1])
    await house.rest()
    await club.banker.sees("Devon threw")
    await mail.look()
    assert len(mail.messages) == before


async def test_copies_end_and_begin_by_a_word(house: House) -> None:
    club = await begun(house)
    devon = club.phones[1]
    await devon.says("COPIES").sees("LINK EMAIL")
    await devon.says("COPIES OFF").sees("LINK EMAIL")
    mail = await with_mail(house, devon)
    await devon.says("COPIES").sees("go to e-mail d...@example.com", "COPIES OFF")
    await devon.says("COPIES OFF").sees("No copies")
    await club.pay(devon)
    await house.rest()
    await mail.look()
    assert receipts(mail) == []
    await devon.says("COPIES").sees("COPIES ON")
    await devon.says("COPIES ON").sees("go to e-mail")
    await devon.says(f"PAY 5000 SANDBOX {club.code}").sees("R-")
    await mail.sees("J$5,000 from Devon")
    await devon.says("COPIES perhaps").sees("perhaps", "COPIES ON")


async def test_who_is_told_by_mail_first_gets_a_receipt_once(house: House) -> None:
    club = await begun(house)
    devon = club.phones[1]
    mail = await with_mail(house, devon)
    await devon.says("REACH EMAIL devon@example.com").sees("first by e-mail")
    await devon.says(f"PAY SANDBOX {club.code}")
    await mail.sees("J$5,000 from Devon")
    await house.rest()
    await mail.look()
    assert len(receipts(mail)) == 1


async def test_who_is_told_by_mail_first_hears_of_their_own_act_in_the_chat_they_are_in(house: House) -> None:
    """REACH is about what is new: PAY is not followed by silence. What others do is told by mail."""
    club = await begun(house)
    banker, devon = club.phones[:2]
    mails = [await with_mail(house, phone) for phone in (banker, devon)]
    for phone, mail in zip((banker, devon), mails, strict=True):
        await phone.says("REACH EMAIL").sees("first by e-mail", mail.address[-12:])
    await devon.says("COPIES OFF").sees("No copies")
    await devon.says(f"PAY SANDBOX {club.code}").sees("J$5,000 from Devon", "R-")
    await mails[0].sees("Devon threw")
    await house.pass_days(3 / 24)  # nobody is in a chat any more
    await devon.says(f"PAY 5000 CARD {club.code}").sees("/pay/")
    await house.rest()
    await mails[1].look()
    assert receipts(mails[1]) == []
    assert not await banker.saw("Devon threw")


async def test_a_statement_goes_to_the_mail_address_as_pdf_and_table(house: House) -> None:
    club = await begun(house)
    devon = club.phones[1]
    await devon.says(f"STATEMENT {club.code} EMAIL").sees("LINK EMAIL")
    mail = await with_mail(house, devon)
    await club.pay(devon)
    await devon.says("STATEMENT by mail").sees("is on its way to e-mail d...@example.com")
    sent = await mail.sees("you threw J$5,000", "/s/")
    assert sent.attachment
    assert sent.beside
    assert (sent.attachment.mime, sent.beside.mime) == ("application/pdf", "text/csv")
    assert sent.beside.name == sent.attachment.name.replace(".pdf", ".csv")
    await devon.says(f"STATEMENT {club.code}").sees("you threw J$5,000")
    await house.rest()
    await mail.look()
    assert sum("you threw" in m.text for m in mail.messages) == 1


async def test_an_alarm_comes_to_staff_by_mail_too_once(house: House) -> None:
    """What is no alarm stays in chat, as it may name somebody; COPIES is about receipts."""
    staff = await clerk(house)
    mail = await with_mail(house, staff)
    await staff.says("COPIES OFF").sees("No copies")
    [devon] = await people(house, 1)
    await devon.says("AGENT my phone is lost").sees("K-")
    await staff.sees("In QUEUE")
    await mail.look()
    before = len(mail.messages)
    body = {"subject": "circle:K7QX2M:cash"}
    async with house.engine.begin() as conn:
        await duties.plan(conn, [Duty("alarm:x", house.clock.now(), "house:alarm:x", "books_wrong", body)])
    for phone in (staff, mail):
        await phone.sees("The books are wrong at circle:K7QX2M:cash")
    await house.rest()
    await mail.look()
    assert not any("QUEUE" in m.text for m in mail.messages)
    assert len(mail.messages) == before + 1


async def test_who_ended_their_mail_hears_so_in_chat_and_gets_no_more_copies(house: House) -> None:
    club = await begun(house)
    devon = club.phones[1]
    mail = await with_mail(house, devon)
    gone = {"kind": "refused", "of": "say", "gone": True, "reason": "does not want mail", "code": "link"}
    for number in range(2):
        await house.filer.file([Filed("email", f"stop:{number}", mail.party, "result", gone)])
    await devon.sees("Mail to e-mail d...@example.com came back or was stopped", "UNLINK", "LINK EMAIL")
    before = len(mail.messages)
    await devon.says(f"PAY SANDBOX {club.code}").sees("R-")
    await devon.says("COPIES").sees("LINK EMAIL")
    await devon.says(f"STATEMENT {club.code} EMAIL").sees("LINK EMAIL")
    await house.rest()
    await devon.look()
    await mail.look()
    assert len(mail.messages) == before
    assert sum("came back" in m.text for m in devon.messages) == 1
