"""The telephone with the local SIM: that it lives is noted, that it is silent is told to staff once."""

from datetime import UTC, datetime

from bot.actions.turn import Turn
from bot.words.say import say
from domain import commands as c
from domain.people import Role
from domain.sms import PHONE, SimPhone


def heard(turn: Turn, command: c.PhonePing) -> None:
    """Note a sign of life."""
    turn.book.put(SimPhone(PHONE, datetime.fromtimestamp(command.at, UTC), command.health, command.battery))


def silent(turn: Turn, command: c.PhoneSilent) -> None:
    """Tell staff that SMS go by Twilio for now, and that nobody at home can be heard."""
    turn.tell_staff([Role.SUPPORT], say("staff_phone_silent", count=command.minutes))


def back(turn: Turn, _: c.PhoneBack) -> None:
    """Tell staff that it is heard again."""
    turn.tell_staff([Role.SUPPORT], say("staff_phone_back"))
