from datetime import timedelta

from domain.lottery import faults, read_messages
from tests.flows.club import execute, found, people
from tests.teller import House, Phone

MINUTES = timedelta(minutes=2)


async def thrown(house: House, phone: Phone, code: str, *marks: str) -> None:
    """Let somebody have thrown so in a circle that is over, without the chat of it."""
    old = f"{code[:5]}{'AB'[code[5] == 'A']}"
    await execute(
        house,
        "INSERT INTO circle SELECT (jsonb_populate_record(c, jsonb_build_object('code', CAST(:old AS text), "
        "'state', 'COMPLETED'))).* FROM circle c WHERE c.code = :c ON CONFLICT DO NOTHING",
        old=old,
        c=code,
    )
    for number, mark in enumerate(marks, start=1):
        await execute(
            house,
            "WITH r AS (INSERT INTO round (circle, number, due, grace_until, pays_on, state) VALUES "
            "(:old, :n, CURRENT_DATE, CURRENT_DATE, CURRENT_DATE, 'PAID') ON CONFLICT DO NOTHING) SELECT 1",
            old=old,
            n=number,
        )
        await execute(
            house,
            "INSERT INTO throw_mark (circle, round, person_id, what, at) SELECT :old, :n, person_id, :mark, "
            "now() + make_interval(mins => :n) FROM address WHERE party = :party",
            old=old,
            n=number,
            mark=mark,
            party=phone.party,
        )


async def test_rule_12_a_lottery_by_trust_draws_one_tier_after_the_other(house: House, network: str) -> None:
    """The tiers are out before a seed is promised; who is new comes last (15), and everybody can prove it (13)."""
    phones = await people(house, 3, network=network)
    marva, devon, keisha = phones
    first = (house.clock.now() + timedelta(days=7)).date()
    made = await marva.says(f"NEW Trusty; 5000 JMD; weekly; 3; {first}; trust").sees("code is")
    code = found(r"(?<=code is )[A-Z2-9]{6}", made.text)
    for phone in phones:
        await phone.says(f"JOIN {code}").sees("sees each one's tier")
        await phone.says("AGREE").sees("You are in" if phone is marva else "has been asked")
    await marva.says(f"APPROVE {code} ALL").sees("LOTTERY")
    await thrown(house, keisha, code, *["clean"] * 20)  # 80, strong
    await thrown(house, devon, code, "clean", "late", "clean")  # 57, in one tier with the steady
    told = await marva.says(f"LOTTERY {code}").sees("#1 Marva tier 3", "#2 Devon tier 2", "#3 Keisha tier 1")
    assert "SEED" not in told.text
    await devon.says("WORD early").sees("no words now")
    await house.go_to(house.clock.now() + MINUTES)
    for phone, word in zip(phones, ("ackee", "mango", "guinep"), strict=True):
        await phone.sees("SEED HASH")
        await phone.says(f"WORD {word}").sees(word)
    await house.go_to(house.clock.now() + MINUTES)
    for phone in phones:
        await phone.sees("ORDER", "1 Keisha #3", "2 Devon #2", "3 Marva #1")
        assert faults(read_messages(phone.text)) == ()
    await marva.says(f"LOCK {code} YES").sees("is locked")
    await house.books_are_right()
