"""People and staff: addresses, TRN, account details, tickets (rules.md 33, 53, 57, 58)."""

from sqlalchemy import text

from domain.people import Role
from tests.flows.club import begun, clerk, fetch, found, people
from tests.teller import House, Phone, onboard


async def link(phone: Phone, other: Phone) -> str:
    """Ask for another address to be added; returns the code that reached it."""
    await phone.says(f"LINK {other.channel.value} {other.address}").sees("6-digit code")
    return found(r"\d{6}", (await other.sees("Your code is")).text)


async def test_an_address_is_added_by_the_code_that_went_to_it(house: House) -> None:
    """rule 53: and the person's other addresses hear of it."""
    [marva] = await people(house, 1)
    second, third = house.phone("sms", "+18765550190"), house.phone("whatsapp", "+18765550191")
    await marva.says(await link(marva, second)).sees("is added")
    await second.sees("this address is now yours")
    await second.says("MENU").sees("Marva")
    await second.says(await link(second, third)).sees("is added")
    await marva.sees("was added to your addresses", "STOP PAYOUT")
    await marva.says("LINK SMS 876 555 0190").sees("yours already")
    assert await fetch(house, "SELECT count(*) FROM address") == 3
    assert await fetch(house, "SELECT count(*) FROM person") == 1


async def test_a_code_is_good_for_five_tries_and_ten_minutes(house: House) -> None:
    """rule 53"""
    [marva] = await people(house, 1)
    other = house.phone("sms", "+18765550190")
    code = await link(marva, other)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(4):
        await marva.says(wrong).sees("not the code")
    await marva.says(wrong)
    await house.rest()
    await marva.says(code).sees("No code is waiting")
    await marva.says("LINK SMS 876 555 0190").sees("Try again later")
    await house.pass_days(0.01)
    late = await link(marva, other)
    await house.pass_days(0.01)
    await marva.says(f"LINK {late}")
    await house.rest()
    assert await fetch(house, "SELECT count(*) FROM address") == 1
    again = await link(marva, other)
    await marva.says(again).sees("is added")


async def test_strangers_who_ask_for_codes_do_not_shut_out_the_owner(house: House) -> None:
    """rule 53: who has had no code there yet gets one, however many others asked for."""
    marva, devon = await people(house, 2)
    second = house.phone("sms", "+18765550190")
    for _ in range(3):
        await devon.says("LINK SMS +18765550190").sees("6-digit code")
    await devon.says("LINK SMS +18765550190").sees("Too many codes")
    await house.rest()
    await second.look()
    await marva.says(await link(marva, second)).sees("is added")


async def test_an_address_of_somebody_else_is_answered_alike_and_never_taken_over(house: House) -> None:
    """rule 53: two known persons are never merged by chat, and nobody learns who is with us."""
    marva, devon = await people(house, 2)
    free = house.phone("sms", "+18765550190")
    await marva.says("PIN").sees("Your PIN is set")
    one = (await marva.says("LINK SMS 876 555 0190").sees("6-digit code")).text
    await free.sees("Your code is")
    wrong_for_free = (await marva.says("123456").sees("code")).text
    two = (await marva.says("LINK SMS 876 555 0102").sees("6-digit code")).text
    wrong_for_devon = (await marva.says("123456").sees("code")).text
    assert one.replace("0190", "0102") == two
    assert wrong_for_free == wrong_for_devon
    assert not await devon.saw("Your code is")
    assert (
        await fetch(
            house, "SELECT count(*) FROM address a JOIN person p ON p.id = a.person_id AND p.name LIKE 'Devon%'"
        )
        == 1
    )


async def test_a_trn_and_an_account_are_nowhere_in_the_clear(house: House) -> None:
    """rule 57: neither in the arrivals, nor in the sessions, nor in what was sent, nor anywhere else."""
    marva, devon = await people(house, 2, verified=False)
    await marva.says("TRN 123-456-789").sees("ending 789")
    await devon.says("TRN").sees("9 digits")
    await devon.says("987 654 321").sees("ending 321")
    await marva.says("PAYOUT SCOTIA Liguanea 55667788").sees("Scotiabank ...7788")
    await devon.says("PAYOUT").sees("Where shall your draws go")
    await devon.says("WALLET").sees("In whose name")
    await devon.taps("Devon Clarke").sees("Lynk")
    await devon.says("8765550199").sees("make sure first")
    await house.rest()
    dump = await everything(house)
    for secret in ("123456789", "123-456-789", "987654321", "987 654 321", "55667788", "8765550199"):
        assert secret not in dump
        assert secret.encode().hex() not in dump
    assert "Scotiabank ...7788" in dump


async def everything(house: House) -> str:
    """Return every row of every table as text; bytes in hex."""
    rows = []
    async with house.engine.connect() as conn:
        tables = await conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        for (table,) in tables.all():
            for (row,) in await conn.execute(text(f'SELECT CAST(t AS text) FROM "{table}" t')):
                rows.append(row)
    return "\n".join(rows)


async def test_a_trn_with_letters_or_too_few_figures_is_asked_for_again(house: House) -> None:
    [marva] = await people(house, 1, verified=False)
    for wrong in ("12345678", "12345678A", "111111111", "1234567890"):
        await marva.says(f"TRN {wrong}").sees("not a TRN")
    await marva.says("TRN 123456789").sees("ending 789")
    assert await fetch(house, "SELECT count(*) FROM trn") == 1


async def test_a_trn_that_is_verified_for_another_is_told_to_staff_alone(house: House) -> None:
    """rules 57, 58: claiming it neither probes nor blocks it."""
    staff = await clerk(house)
    marva, devon = await people(house, 2, verified=False)
    await marva.says("TRN 123456789").sees("ending 789")
    await staff.says(f"KYC {await kyc(staff, 'Marva')} OK").sees("verified")
    said = (await devon.says("TRN 123456789").sees("ending 789")).text
    assert "staff" in said
    ref = await kyc(staff, "Devon")
    await staff.says(f"KYC {ref} OK").sees("verified for somebody else")
    assert not await devon.saw("Your draws can be paid")
    await staff.says(f"KYC {ref} NO").sees("refused")
    await devon.sees("could not be matched")
    await devon.says("TRN 234567891").sees("ending 891")
    await staff.says(f"KYC {await kyc(staff, 'Devon')} OK").sees("verified")
    await devon.sees("is verified")
    await devon.says("TRN 345678912").sees("verified already")


async def kyc(staff: Phone, name: str) -> str:
    queue = await staff.says("QUEUE").sees("kyc", name)
    line = next(line for line in queue.text.splitlines() if name in line and "kyc" in line)
    return found(r"K-\w{4}", line)


async def test_words_of_staff_are_no_words_for_others(house: House) -> None:
    marva, devon = await people(house, 2, verified=False)
    await marva.says("TRN 123456789").sees("ending 789")
    ref = await fetch(house, "SELECT ref FROM ticket")
    for word in ("QUEUE", f"KYC {ref} OK", f"CASE {ref} OK"):
        said = await devon.says(word).sees("MENU")
        assert "Marva" not in said.text
    assert await fetch(house, "SELECT state FROM trn") == "STATED"


async def test_support_does_not_verify_a_trn(house: House) -> None:
    [marva] = await people(house, 1, verified=False)
    helper = house.phone("telegram", "5550888", "Young Helper")
    await onboard(helper, helper.name)
    await house.hire(helper, Role.SUPPORT)
    await marva.says("TRN 123456789").sees("ending 789")
    ref = await kyc(helper, "Marva")
    await helper.says(f"KYC {ref} OK").sees("staff")
    assert await fetch(house, "SELECT state FROM trn") == "STATED"


async def test_staff_do_not_decide_about_themselves(house: House) -> None:
    staff = await clerk(house)
    await staff.says("TRN 123456789").sees("ending 789")
    await staff.says(f"KYC {await kyc(staff, 'Clerk')} OK").sees("about you")
    assert await fetch(house, "SELECT state FROM trn") == "STATED"


async def test_a_person_asks_for_a_human_and_is_answered(house: House) -> None:
    staff = await clerk(house)
    [marva] = await people(house, 1)
    await marva.says("AGENT").sees("What is it about")
    await marva.says("My cousin paid twice").sees("A person will answer", "K-")
    await staff.sees("My cousin paid twice", "CASE K-")
    ref = found(r"K-\w{4}", (await staff.says("QUEUE").sees("agent", "Marva Brown")).text)
    await staff.says(f"CASE {ref} We have found it, all is well").sees(f"{ref} done: We have found it, all is well")
    await marva.sees("From our staff", "We have found it, all is well")
    await staff.says(f"CASE {ref} again").sees("not waiting")
    await staff.says("QUEUE").sees("Nothing is waiting")


async def test_new_account_details_are_announced_on_the_other_addresses(house: House) -> None:
    """rule 34"""
    [marva] = await people(house, 1)
    second = house.phone("telegram", "5550190")
    await marva.says(await link(marva, second)).sees("is added")
    await second.says("PAYOUT NCB 12345678").sees("NCB ...5678", "Marva Brown", "24 hours")
    await marva.sees("Where your draws go was changed", "STOP PAYOUT")


async def test_somebody_elses_words_about_my_entries_do_nothing(house: House) -> None:
    club = await begun(house, 3)
    _, devon, keisha = club.phones
    await devon.says("PAY 5000 CASH").sees("counts when")
    receipt = await fetch(house, "SELECT receipt FROM payment")
    for word in ("CONFIRM", "DENY"):
        await keisha.says(f"{word} {receipt}").sees("No cash entry")
        await devon.says(f"{word} {receipt}").sees("No cash entry")
    assert await fetch(house, "SELECT state FROM payment") == "PENDING"
