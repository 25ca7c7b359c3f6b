"""PINs: choosing, giving and changing one, the lock after five wrong tries, and staff's reset (rules.md 54).

What a typed PIN came to was worked out before the turn (bot/stepping.py); here is only decided what follows from it.
"""

from dataclasses import replace
from datetime import datetime

from bot.actions import freezing
from bot.actions.packing import pack
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say, refuse, say
from domain import commands as c
from domain.people import shown_address
from domain.pins import MOST_TRIES, Pin, StepUp

MINUTE_SECONDS = 60


def wait(turn: Turn, command: c.Command) -> Refusal | None:
    """Return why a command that needs the PIN has to wait; None when the PIN was given here lately.

    The command is kept, sealed, and the question for the PIN (or for a first one) is put.
    """
    pin, here = own(turn), _here(turn)
    if pin and pin.is_locked(turn.at):
        return _locked(pin, turn.at)
    if pin and here.is_fresh(pin, turn.at) and (turn.resumed is command or not command.anew):
        return None
    body = {"is": pack(command), "for": turn.person_id}
    sealed = turn.tools.vault.seal_json(place(turn.party), body)
    turn.book.put(replace(here, waits=sealed, draft="", since=turn.at))
    turn.goes_on = "pin" if pin else "new_pin"
    return refuse("ask_pin" if pin else "ask_new_pin")


def place(party: str) -> str:
    """Return to where a command that waits is bound."""
    return f"step_up.waits|{party}"


def own(turn: Turn) -> Pin | None:
    """Return the PIN of who acts, if they have one."""
    pin = turn.book.get(Pin, turn.person_id)
    return pin if pin and pin.hash else None


def _here(turn: Turn) -> StepUp:
    """Return what this address has shown. What it showed for somebody else counts for nothing."""
    here = turn.book.get(StepUp, turn.party)
    return here if here and here.person_id == turn.person_id else StepUp(turn.party, turn.person_id)


def _locked(pin: Pin, at: datetime) -> Refusal:
    left = (pin.locked_until or at) - at
    return refuse("pin_locked", minutes=-(-int(left.total_seconds()) // MINUTE_SECONDS))


# -- giving it ------------------------------------------------------------------------------------------------


def give_pin(turn: Turn, command: c.GivePin) -> Say | Refusal | None:
    """Take the PIN: what waits for it is then done at once, and for ten minutes nothing asks again here."""
    pin, here = own(turn), _here(turn)
    if pin is None:
        if command.ahead:
            return None
        turn.goes_on = "new_pin"
        return refuse("ask_new_pin")
    if pin.is_locked(turn.at):
        return _locked(pin, turn.at)
    if not turn.tried.right:
        return _wrong(turn, pin, here, asked=command.asked)
    turn.book.put(pin.after_right(), replace(here, given_at=turn.at, waits=None, draft="", since=None))
    if command.asked and here.waits and here.still_waits(turn.at) and turn.kept:
        turn.resumed = turn.kept
        return None
    return None if command.ahead else say("pin_right")


def _wrong(turn: Turn, pin: Pin, here: StepUp, *, asked: bool) -> Refusal:
    after = pin.after_wrong(turn.at)
    turn.book.put(after)
    if after.is_locked(turn.at):
        turn.book.put(replace(here, waits=None, draft="", since=None))
        freezing.tell_everywhere(turn, turn.person_id, say("pin_lock_told", address=shown_address(turn.party)))
        return _locked(after, turn.at)
    if asked:
        turn.goes_on = "pin"
    return refuse("pin_wrong", count=MOST_TRIES - after.tries)


# -- choosing it ----------------------------------------------------------------------------------------------


def change_pin(turn: Turn, _: c.ChangePin) -> Say | Refusal:
    """The old one was just given: ask for the new one."""
    turn.goes_on = "new_pin"
    return say("ask_next_pin")


def choose_pin(turn: Turn, _: c.ChoosePin) -> Say | Refusal:
    """Keep the hash of a chosen PIN until it was typed once more."""
    if wrong := _may_not_choose(turn):
        return wrong
    here = _here(turn)
    turn.book.put(replace(here, draft=turn.tried.hash, since=turn.at))
    turn.goes_on = "pin_again"
    return say("ask_pin_again")


def repeat_pin(turn: Turn, _: c.RepeatPin) -> Say | Refusal | None:
    """The same PIN twice is the PIN from now on; what waited for one is done at once."""
    if wrong := _may_not_choose(turn):
        return wrong
    here = _here(turn)
    if not turn.tried.right or not here.still_waits(turn.at):
        turn.book.put(replace(here, draft="", since=turn.at))
        turn.goes_on = "new_pin"
        return refuse("pin_not_same")
    turn.book.put(
        Pin(turn.person_id, here.draft, turn.at),
        replace(here, given_at=turn.at, waits=None, draft="", since=None),
    )
    freezing.tell_everywhere(turn, turn.person_id, say("pin_set_told", address=shown_address(turn.party)))
    if here.waits and turn.kept and not isinstance(turn.kept, c.ChangePin):
        turn.resumed = turn.kept
    return say("pin_set")


def _may_not_choose(turn: Turn) -> Refusal | None:
    """Refuse to choose where a PIN holds that was not given here lately."""
    pin = own(turn)
    if pin is None or (_here(turn).is_fresh(pin, turn.at) and not pin.is_locked(turn.at)):
        return None
    return refuse("pin_too_late")


# -- staff ----------------------------------------------------------------------------------------------------


def reset_pin(turn: Turn, command: c.ResetPin) -> Say | Refusal:
    """Staff made sure of the person: they choose a new PIN when one is next needed. Draws rest a day meanwhile."""
    person = freezing.whom(turn, command.person_named)
    if isinstance(person, Refusal):
        return person
    turn.book.put(Pin(person.id, "", turn.at))
    freezing.rest_a_day(turn, person.id)
    freezing.on_record(turn, person.id, "pin reset", command.reason)
    freezing.tell_everywhere(turn, person.id, say("pin_reset_told"))
    return say("pin_reset", name=person.name)
