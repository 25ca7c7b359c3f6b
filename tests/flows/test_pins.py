"""The PIN: what asks for it, what it costs to guess it, and what it never leaves behind (rules 34, 53, 54)."""

import asyncio
import re
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from domain.people import Role
from storage.pins import Pins, Try
from storage.vault import Vault, new_keys
from tests.flows.club import begun, clerk, execute, fetch, found, people, rows
from tests.flows.test_people import everything, kyc, link
from tests.teller import House, Phone, onboard

PIN, OTHER = "4826", "7305"
WRONG = ("8264", "9153", "6042", "3817", "5290")


def silent(*phones: Phone) -> None:
    """Let these phones type a PIN only when a test says so."""
    for phone in phones:
        phone.pin = ""


async def choose(phone: Phone, pin: str = PIN) -> None:
    """Choose a first PIN."""
    await phone.says("PIN").sees("needs a PIN of your own")
    await phone.says(pin).sees("once more")
    await phone.says(pin).sees("PIN is set")


async def minutes(house: House, number: float) -> None:
    """Let minutes go by."""
    await house.pass_days(number / 24 / 60)


async def another(house: House, phone: Phone, channel: str, address: str) -> Phone:
    """Give somebody a second address."""
    second = house.phone(channel, address, phone.name)
    second.pin = phone.pin
    await phone.says(await link(phone, second)).sees("is added")
    await second.sees("is now yours")
    return second


# -- what asks for it -----------------------------------------------------------------------------------------


async def test_who_has_no_pin_chooses_one_and_what_they_wanted_is_done_at_once(house: House) -> None:
    """rule 54: twice, and no easy one."""
    [marva] = await people(house, 1)
    silent(marva)
    await marva.says("PAYOUT NCB 12345678").sees("needs a PIN of your own", "4 to 6")
    for easy in ("1234", "0000", "1212", "1987", "987654", "0101", "9789"):
        await marva.says(easy).sees("easy to guess")
    for none in ("abc", "12", "1234567"):
        await marva.says(none).sees("4 to 6 figures")
    await marva.says("48 26").sees("once more")
    await marva.says(OTHER).sees("not the same")
    await marva.says(PIN).sees("once more")
    assert await fetch(house, "SELECT count(*) FROM destination") == 0
    await marva.says(PIN).sees("PIN is set", "NCB ...5678", "Marva Brown")
    assert await fetch(house, "SELECT label FROM destination") == "NCB ...5678"


async def test_who_says_the_second_yes_is_named_with_the_pin(house: House) -> None:
    """rules 35, 54: a forged SMS of the banker would else give both yeses to whoever sends it."""
    club = await begun(house, 3)
    banker = club.banker
    silent(banker)
    await choose(banker)
    await minutes(house, 11)
    await banker.says(f"TREASURER {club.code} Devon").sees("PIN")
    assert await fetch(house, "SELECT treasurer_id FROM circle") is None
    await banker.says(PIN).sees("Devon is the treasurer")
    assert await fetch(house, "SELECT treasurer_id FROM circle")


@pytest.mark.parametrize("at", [0, 1, 2], ids=["whatsapp", "sms", "telegram"])
async def test_a_second_yes_waits_for_the_pin_and_is_given_once(house: House, at: int) -> None:
    """rules 35, 54: on every channel, and good for ten minutes on that address from when it was given."""
    club = await begun(house, 3, order="Keisha, Devon, Marva" if at < 2 else "Devon, Keisha, Marva")
    banker, phone = club.banker, club.phones[at]
    if phone is banker:
        await execute(house, "UPDATE circle SET banker_id = (SELECT id FROM person WHERE name LIKE 'Devon%')")
        banker = club.phones[1]
    silent(phone)
    await choose(phone)
    await minutes(house, 11)
    await club.pay(*club.phones)
    ref = found(r"P-\w{4}", (await banker.says(f"PAY OUT {club.code}").sees("second yes")).text)
    await club.asked(ref)
    await phone.says(f"APPROVE PAYOUT {ref}").sees("type your PIN")
    assert await fetch(house, "SELECT state FROM payout") == "ASKED"
    await phone.says(PIN).sees("Thank you", ref)
    await house.rest()
    assert await fetch(house, "SELECT count(*) FROM ledger_transaction WHERE kind = 'payout'") == 1
    await phone.says(PIN)
    await phone.says(f"APPROVE PAYOUT {ref}").sees("No payout")
    await minutes(house, 9)
    await phone.says(f"APPROVE PAYOUT {ref}").sees("No payout")
    await minutes(house, 2)
    await phone.says(f"APPROVE PAYOUT {ref}").sees("type your PIN")
    await club.right()


async def test_staff_read_and_do_nothing_without_the_pin_and_nothing_by_sms(house: House) -> None:
    """rule 54: a sender of SMS can be forged."""
    staff, [marva] = await clerk(house), await people(house, 1, verified=False)
    await marva.says("TRN 123456789").sees("ending 789")
    ref = await kyc(staff, "Marva")
    silent(staff)
    await minutes(house, 11)
    for line in ("QUEUE", f"KYC {ref} OK", f"CASE {ref} OK", "RATE", f"FREEZE {ref} asked by the police"):
        said = await staff.says(line).sees("type your PIN")
        assert "Marva" not in said.text
    assert await fetch(house, "SELECT state FROM trn") == "STATED"
    sms = house.phone("sms", "+18765550777", "Miss Texter")
    await onboard(sms, sms.name)
    await house.hire(sms)
    for line in ("QUEUE", f"KYC {ref} OK", "RATE 160"):
        await sms.says(line).sees("WhatsApp or Telegram")
    assert await fetch(house, "SELECT state FROM trn") == "STATED"
    await staff.says(f"KYC {ref} OK").sees("type your PIN")
    await staff.says(PIN).sees("verified")


async def test_the_pin_of_one_address_opens_no_other(house: House) -> None:
    [marva] = await people(house, 1)
    second = await another(house, marva, "telegram", "5550190")
    await marva.says("PAYOUT NCB 12345678").sees("NCB ...5678")
    silent(second)
    await second.says("PAYOUT NCB 87654321").sees("type your PIN")
    await second.says("MENU").sees("Marva")
    assert await fetch(house, "SELECT label FROM destination") == "NCB ...5678"
    await second.says(f"PIN {PIN}").sees("That is right")  # the question was left, so what waited is not done
    assert await fetch(house, "SELECT label FROM destination") == "NCB ...5678"
    await second.says("PAYOUT NCB 87654321").sees("NCB ...4321")


async def test_what_waited_longer_than_ten_minutes_is_not_done(house: House) -> None:
    [marva] = await people(house, 1)
    silent(marva)
    await choose(marva)
    await minutes(house, 11)
    await marva.says("PAYOUT NCB 12345678").sees("type your PIN")
    await minutes(house, 11)
    await marva.says(PIN).sees("That is right")
    assert await fetch(house, "SELECT count(*) FROM destination") == 0


async def test_one_line_may_bring_its_pin(house: House) -> None:
    """Where each message costs; and a wrong one is counted as any other."""
    [marva] = await people(house, 1)
    silent(marva)
    await choose(marva)
    await minutes(house, 11)
    await marva.says(f"PAYOUT NCB 12345678 PIN {OTHER}").sees("not your PIN", "type your PIN")
    assert await fetch(house, "SELECT tries FROM pin") == 1
    await marva.says("MENU").sees("Marva")
    await marva.says(f"PAYOUT NCB 12345678 pin {PIN}").sees("NCB ...5678")
    assert await fetch(house, "SELECT tries FROM pin") == 0
    await marva.says(f"AGENT I forgot my PIN {PIN} again").sees("K-")


async def test_the_pin_is_changed_by_the_old_one_alone(house: House) -> None:
    """rule 54: even where it was given a moment ago; a change closes what the old one opened elsewhere."""
    [marva] = await people(house, 1)
    second = await another(house, marva, "telegram", "5550190")
    await second.says("PIN 4826").sees("That is right")
    silent(marva, second)
    await marva.says("PIN").sees("type your PIN")
    await marva.says(OTHER).sees("not your PIN", "Tries left: 4")
    await marva.says(PIN).sees("Choose 4 to 6")
    await marva.says(OTHER).sees("once more")
    await marva.says(OTHER).sees("PIN is set")
    await second.sees("A PIN was set from WhatsApp ...0101", "STOP PAYOUT")
    await second.says("PAYOUT NCB 12345678").sees("type your PIN")
    await second.says(PIN).sees("not your PIN")
    await second.says(OTHER).sees("NCB ...5678")


# -- guessing it ----------------------------------------------------------------------------------------------


async def test_five_wrong_tries_lock_everywhere_for_15_minutes_and_warn_elsewhere(house: House) -> None:
    """rule 54: wherever they were typed; the right one does not help meanwhile."""
    [marva] = await people(house, 1)
    second = await another(house, marva, "telegram", "5550190")
    silent(marva, second)
    await minutes(house, 11)
    await marva.says("PAYOUT NCB 12345678").sees("type your PIN")
    for number, wrong in enumerate(WRONG[:3]):
        await marva.says(wrong).sees(f"Tries left: {4 - number}")
    await second.says(f"PIN {WRONG[3]}").sees("Tries left: 1")
    await marva.says(WRONG[4]).sees("15 minutes", "AGENT")
    await second.sees("five times", "WhatsApp ...0101", "STOP PAYOUT")
    await second.says(f"PIN {PIN}").sees("15 minutes")
    await marva.says("PAYOUT NCB 12345678").sees("nothing that needs a PIN")
    await minutes(house, 14)
    await second.says(f"PIN {PIN}").sees("1 minutes")
    await minutes(house, 1)
    await marva.says("PAYOUT NCB 12345678").sees("type your PIN")
    await marva.says(PIN).sees("NCB ...5678")
    assert await rows(house, "SELECT tries, locks, locked_until FROM pin") == [(0, 0, None)]


async def test_locks_that_follow_each_other_last_longer(house: House) -> None:
    """Ten thousand PINs are few, when there is time for all of them."""
    [marva] = await people(house, 1)
    silent(marva)
    await choose(marva)
    for wrong in WRONG:
        await marva.says(f"PIN {wrong}")
    await house.rest()
    await minutes(house, 15)
    await marva.look()
    for wrong in WRONG[:4]:
        await marva.says(f"PIN {wrong}").sees("not your PIN")
    await marva.says(f"PIN {WRONG[4]}").sees("30 minutes")


async def test_tries_from_two_addresses_at_once_are_all_counted(house: House) -> None:
    """Two desks never count one wrong try instead of two, and no more than five are ever looked at."""
    [marva] = await people(house, 1)
    phones = [
        marva,
        await another(house, marva, "telegram", "5550190"),
        await another(house, marva, "sms", "+18765550191"),
    ]
    silent(*phones)
    second = asyncio.create_task(house.desk.run())
    await asyncio.gather(*(phone.says(f"PIN {wrong}") for phone, wrong in zip(phones, WRONG, strict=False)))
    await house.rest()
    assert await fetch(house, "SELECT tries FROM pin") == 3
    await asyncio.gather(*(phone.says(f"PIN {wrong}") for phone, wrong in zip(phones, WRONG, strict=False)))
    await house.rest()
    assert await rows(house, "SELECT tries, locks FROM pin") == [(0, 1)]
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def test_a_crowd_of_tries_is_all_answered(house: House) -> None:
    """More than one batch takes: the others come with the next ones, and nobody else waits for them."""
    phones = [house.phone("telegram", str(5550300 + n), f"Tryer {chr(65 + n)}") for n in range(20)]
    await asyncio.gather(*(onboard(phone, phone.name) for phone in phones))
    silent(*phones)
    async with house.closed_desk():
        for phone in phones:
            await phone.says("PIN")
    await asyncio.gather(*(phone.sees("needs a PIN") for phone in phones))
    async with house.closed_desk():
        for phone in phones:
            await phone.says(PIN)
    await asyncio.gather(*(phone.sees("once more") for phone in phones))
    async with house.closed_desk():
        for phone in phones:
            await phone.says(PIN)
    await asyncio.gather(*(phone.sees("PIN is set") for phone in phones))
    hashes = {row[0] for row in await rows(house, "SELECT hash FROM pin")}
    assert len(hashes) == 20


async def test_staff_take_a_forgotten_pin_away_and_it_is_kept_who_did_and_why(house: House) -> None:
    """rule 54: after an identity check; the member hears of it and draws rest a day."""
    staff, [marva] = await clerk(house), await people(house, 1)
    await marva.says("PAYOUT NCB 12345678").sees("NCB ...5678")
    for who, answer in (("+18765559999", "know nobody"), ("Miss Clerk", "about you"), ("5550999", "about you")):
        await staff.says(f"RESET PIN {who}; passport seen").sees(answer)
    await staff.says("RESET PIN +1 876 555 0101 passport seen at the office").sees("PIN of Marva Brown is taken away")
    await marva.sees("took your old PIN away", "STOP PAYOUT")
    closed = "SELECT kind, subject, outcome, closed_by IS NOT NULL, sealed IS NOT NULL FROM ticket"
    assert await rows(house, closed) == [("kyc", "pin reset", "pin reset", True, True)]
    silent(marva)
    await marva.says("PAYOUT NCB 87654321").sees("needs a PIN of your own")
    await marva.says(OTHER).sees("once more")
    await marva.says(OTHER).sees("NCB ...4321")


# -- what it leaves behind ------------------------------------------------------------------------------------


async def test_no_pin_lies_anywhere_after_a_chat_nor_in_the_logs(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    """rule 54: neither in what came, nor in the talk, nor in what was sent, nor in a queue, nor in a log."""
    pin, old = "480263", "739158"
    [marva] = await people(house, 1)
    silent(marva)
    await choose(marva, old)
    await marva.says("PIN").sees("type your PIN")
    await marva.says(old).sees("Choose")
    await marva.says(pin).sees("once more")
    await marva.says(pin).sees("PIN is set")
    await minutes(house, 11)
    await marva.says("PAYOUT NCB 99991111").sees("type your PIN")
    await marva.says("650413").sees("not your PIN")
    await marva.says(f"my pin is {pin}").sees("4 to 6 figures")
    await marva.says(pin).sees("NCB ...1111")
    await marva.says(f"LINK SMS 8765550191 PIN {pin}").sees("6-digit code")
    await marva.says(f"AGENT my PIN is {pin} and does not work").sees("K-")
    await house.rest()
    dump = await everything(house)
    sealed = await rows(house, "SELECT id, sealed FROM ticket")
    notes = [house.vault.open(f"ticket.note|{id_}", bytes(note)).decode() for id_, note in sealed]
    notes += [str(m) for m in marva.messages]
    printed = "".join(capfd.readouterr())
    for secret in (pin, old, "650413"):
        for place in (dump, printed, *notes):
            assert not re.search(rf"(?<![0-9a-f.:]){secret}(?![0-9a-f])", place)
        assert secret.encode().hex() not in dump
    assert "my PIN is ... and does not work" in notes


async def test_a_hash_is_of_no_use_without_the_key_and_of_one_person_alone(house: House) -> None:
    [marva] = await people(house, 1)
    await choose(marva)
    kept = str(await fetch(house, "SELECT hash FROM pin"))
    person = str(await fetch(house, "SELECT person_id FROM pin"))
    assert kept.startswith("$argon2id$")
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(kept, PIN)
    [mine] = await Pins(house.vault).work_out([Try(person, PIN, kept)])
    [other] = await Pins(house.vault).work_out([Try("somebody else", PIN, kept)])
    [thief] = await Pins(Vault.from_keys(new_keys())).work_out([Try(person, PIN, kept)])
    assert (mine.right, other.right, thief.right) == (True, False, False)
    assert PIN not in repr([mine, Try(person, PIN, kept)])


# -- where draws go -------------------------------------------------------------------------------------------


async def test_an_account_in_another_name_goes_to_staff_and_the_draw_is_cash_until_then(house: House) -> None:
    """rule 34"""
    staff, [marva] = await clerk(house), await people(house, 1)
    await marva.says("PAYOUT").sees("Where shall")
    await marva.taps("Bank account").sees("Which bank")
    await marva.taps("NCB").sees("In whose name", "Marva Brown")
    await marva.says("Devon Clarke").sees("account number")
    await marva.says("12345678").sees("in another name", "K-", "cash from the banker")
    assert await rows(house, "SELECT kind, sealed FROM destination") == [("cash", None)]
    await staff.sees("kyc", "Marva Brown account NCB ...5678", "in the name of Devon Clarke")
    ref = await kyc(staff, "Marva")
    helper = house.phone("telegram", "5550888", "Young Helper")
    await onboard(helper, helper.name)
    await house.hire(helper, Role.SUPPORT)
    await helper.says(f"CASE {ref} OK").sees("compliance decides")
    await staff.says(f"CASE {ref} perhaps").sees(f"CASE {ref} OK")
    await staff.says(f"CASE {ref} NO").sees("is told")
    await marva.sees("could not make sure of NCB ...5678")
    await marva.says("PAYOUT NCB 12345678 Marvin Brown").sees("in another name")
    await staff.says(f"KYC {await kyc(staff, 'Marva')} OK").sees("is told")
    await marva.sees("your draws go to NCB ...5678")
    assert await rows(house, "SELECT kind, label FROM destination") == [("bank", "NCB ...5678")]
    assert await fetch(house, "SELECT count(*) FROM ticket WHERE closed_at IS NULL") == 0


async def test_by_sms_nobody_changes_where_draws_go_before_staff_made_sure(house: House) -> None:
    """rule 54: with the PIN too; a TRN stated meanwhile does not overtake it, a newer account does."""
    staff, [_, devon] = await clerk(house), await people(house, 2, verified=False)
    await devon.says("PAYOUT NCB 12345678").sees("forged", "K-")
    await devon.says("PAYOUT NCB 12345679").sees("forged", "K-")
    await devon.says("TRN 123456789").sees("ending 789")
    assert await fetch(house, "SELECT count(*) FROM destination") == 0
    assert await fetch(house, "SELECT count(*) FROM ticket WHERE closed_at IS NULL") == 2
    queue = await staff.says("QUEUE").sees("account NCB ...5679")
    assert "NCB ...5678" not in queue.text
    ref = str(await fetch(house, "SELECT ref FROM ticket WHERE subject = 'account NCB ...5679'"))
    await staff.says(f"CASE {ref} OK").sees("is told")
    await devon.sees("your draws go to NCB ...5679", "24 hours")
    await devon.says("PAYOUT CASH").sees("forged")
    assert await fetch(house, "SELECT label FROM destination") == "NCB ...5679"


# -- what freezes ---------------------------------------------------------------------------------------------


async def until(house: House, name: str) -> datetime | None:
    found_ = await rows(
        house, "SELECT until FROM payout_freeze f JOIN person p ON p.id = f.person_id WHERE p.name = :n", n=name
    )
    return found_[0][0] if found_ else None


async def test_new_details_and_addresses_freeze_for_a_day_and_the_later_one_counts(house: House) -> None:
    """rules 34, 53"""
    [marva] = await people(house, 1)
    assert await until(house, "Marva Brown") is None
    await marva.says("PAYOUT CASH").sees("cash from the banker")
    assert await until(house, "Marva Brown") is None  # as it was before
    await marva.says("PAYOUT NCB 12345678").sees("NCB ...5678")
    first = await until(house, "Marva Brown")
    assert first is not None
    assert timedelta(hours=23.9) < first - house.clock.now() <= timedelta(hours=24)
    await minutes(house, 60)
    second = await another(house, marva, "telegram", "5550190")
    later = await until(house, "Marva Brown")
    assert later is not None
    assert timedelta(minutes=55) < later - first < timedelta(minutes=70)
    await minutes(house, 60)
    await marva.says("UNLINK").sees("Which address")
    await marva.taps("Telegram ...0190").sees("is taken off")
    await second.sees("was taken off your addresses", "STOP PAYOUT")
    last = await until(house, "Marva Brown")
    assert last is not None
    assert last > later
    assert await fetch(house, "SELECT count(*) FROM address") == 1
    await second.says("BALANCE").sees("What name")  # nobody we know any more


async def test_an_address_is_only_taken_off_by_its_owner_and_never_the_last(house: House) -> None:
    """rule 53"""
    marva, devon = await people(house, 2)
    await marva.says("UNLINK").sees("only address")
    await marva.says("UNLINK WHATSAPP +18765550101").sees("only address")
    await marva.says("UNLINK SMS 876 555 0102").sees("not one of your addresses")
    second = await another(house, devon, "whatsapp", "+18765550190")
    await house.hire(second)
    await devon.says("UNLINK WHATSAPP 876 555 0190").sees("rights of staff")
    assert await fetch(house, "SELECT count(*) FROM address") == 3


async def test_staff_freeze_and_a_member_stops_their_own_draws(house: House) -> None:
    """rules 54, 58: a reported SIM change freezes; the frozen one is told nothing of it."""
    staff, [marva, devon] = await clerk(house), await people(house, 2)
    await devon.look()
    await staff.says("FREEZE Devon Clarke; SIM change reported").sees("Nothing is sent to Devon Clarke")
    await house.rest()
    assert await devon.look() == []
    held = "SELECT p.name, f.held FROM payout_freeze f JOIN person p ON p.id = f.person_id ORDER BY 1"
    assert await rows(house, held) == [("Devon Clarke", True)]
    await staff.says("UNFREEZE +18765550102 spoke to him").sees("can be sent money again")
    assert await rows(house, held) == [("Devon Clarke", False)]
    ref = found(r"K-\w{4}", (await marva.says("STOP PAYOUT").sees("Your money is safe", "none of it is sent")).text)
    await marva.says("STOP PAYOUT").sees(ref)
    await staff.sees("Marva Brown", "stopped their own draws", f"UNFREEZE {ref}")
    assert await rows(house, held) == [("Devon Clarke", False), ("Marva Brown", True)]
    await staff.says(f"UNFREEZE {ref}").sees("Why?")
    await staff.says("it was her own phone").sees("Marva Brown can be sent money again")
    assert await rows(house, held) == [("Devon Clarke", False), ("Marva Brown", False)]
