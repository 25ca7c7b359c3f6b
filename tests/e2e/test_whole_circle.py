"""A pardna from the first hello to the last draw: signed web hooks go in, the providers see what comes out."""

from tests.e2e.books import prove
from tests.e2e.circle import play
from tests.e2e.town import Town


async def test_five_people_on_three_networks_complete_a_pardna(town: Town, database_url: str) -> None:
    code = await play(town)
    await prove(database_url, town, code)
    assert town.providers.telegram.webhook == "https://pardna.example/hooks/telegram"
