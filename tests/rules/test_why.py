"""WHY in chat: the lines behind a figure that one was shown, on every network."""

from tests.flows.club import begun
from tests.teller import House
from tests.why import figures_add_up


async def test_why_tells_the_lines_behind_every_figure_that_was_shown(house: House, network: str) -> None:
    """A draw by who threw, less the fee; equal amounts are told apart; what nobody was told is said to be so."""
    club = await begun(house, 3, extra="fee 500", network=network)
    marva, devon, keisha = club.phones
    await devon.says("WHY 7777").sees("have not told you that amount", "WHY")
    await devon.says("BALANCE").sees("J$5,000")
    await club.pay(marva, devon)
    asked = await devon.says("WHY J$5,000.00").sees("more than one thing", "Which one?")
    labels = "\n".join(option.label for option in asked.options)
    assert "still to throw" in labels
    assert "payment R-" in labels
    owed = next(option for option in asked.options if option.label.startswith("still to throw"))
    await devon.says(owed.id).sees("J$5,000, still to throw, round 1, Sunday Club", "Round 1, due", "J$5,000")
    receipt = next(option for option in asked.options if option.label.startswith("payment R-"))
    await devon.says(receipt.id).sees("payment R-", "Round 1: J$5,000")
    await devon.says("WHY 10000").sees("thrown so far", "Marva, thrown", "You, thrown", "R-")
    assert devon.last.text.count("R-") == 1  # another's receipt is not shown
    await club.pay(keisha)
    await club.draw(marva)
    await marva.says(f"WHY J$14,500 {club.code}").sees(
        "J$14,500, payout P-", "Sunday Club", "You, thrown", "Devon, thrown"
    )
    await keisha.says("WHY 14500").sees("J$14,500, draw, round 1", "Marva, thrown", "You, thrown")
    await devon.says("why mi owe so much").sees("Which amount?")
    await figures_add_up(house)
