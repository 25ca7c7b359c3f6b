"""Before the decisions of a batch: what typed PINs are right, and which commands wait for them (rules.md 54).

Runs inside the desk's transaction and commits nothing. A PIN is looked at here and nowhere kept, said or logged.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from bot.actions.packing import unpack
from bot.actions.pins import place
from bot.actions.turn import Turn
from domain import commands as c
from storage import pins
from storage.engine import Connection
from storage.pins import Pins, Rows, Try
from storage.vault import Unsealable, Vault

MOST_TRIES: Final = 12
"""Typed PINs that one batch takes, each some 50 ms of a processor; the others come with the next batches."""


def is_try(commands: Iterable[c.Command]) -> bool:
    """Whether a PIN was typed."""
    return any(isinstance(command, c.PinTry) for command in commands)


async def prepare(conn: Connection, hasher: Pins, vault: Vault, turns: Sequence[tuple[Turn, c.PinTry]]) -> None:
    """Lock the PINs of those who typed one, and give each turn what the PIN came to and what waits for it."""
    if not turns:
        return
    rows = await pins.lock(conn, [turn.person_id for turn, _ in turns], [turn.party for turn, _ in turns])
    tried = await hasher.work_out([_try(rows, turn, command) for turn, command in turns])
    for (turn, _), came_to in zip(turns, tried, strict=True):
        turn.tried = came_to
        turn.kept = _kept(rows, vault, turn)


def _try(rows: Rows, turn: Turn, command: c.PinTry) -> Try:
    pin, here = rows.pins.get(turn.person_id), rows.step_ups.get(turn.party)
    match command:
        case c.ChoosePin():
            return Try(turn.person_id, command.pin, anew=True)
        case c.RepeatPin():
            return Try(turn.person_id, command.pin, here.draft if here and here.person_id == turn.person_id else "")
        case _:  # nothing is worked out while it is locked, so that guessing costs us nothing either
            return Try(turn.person_id, command.pin, pin.hash if pin and not pin.is_locked(turn.at) else "")


def _kept(rows: Rows, vault: Vault, turn: Turn) -> c.Command | None:
    """Return the command that waits at this address for this person."""
    here = rows.step_ups.get(turn.party)
    if here is None or here.waits is None or not here.still_waits(turn.at):
        return None
    try:
        body = vault.open_json(place(turn.party), here.waits)
    except Unsealable:
        return None
    return unpack(body["is"]) if body["for"] == turn.person_id else None
