"""What carries our messages: that the telephone with the SIM is silent, or that a provider turns us away, told once."""

from datetime import UTC, datetime
from typing import Final

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


CALLED: Final = {
    "whatsapp": "WhatsApp",
    "sms": "SMS",
    "sms.home": "SMS by the SIM",
    "telegram": "Telegram",
    "email": "E-mail",
    "stripe": "Stripe",
}


def shut_out(turn: Turn, command: c.ShutOut) -> None:
    """Tell staff that a network or a rail does not take our key or account, and that what goes by it waits."""
    turn.tell_staff([Role.SUPPORT], say("staff_shut_out", what=CALLED.get(command.carrier, command.carrier.upper())))


def let_in(turn: Turn, command: c.LetIn) -> None:
    """Tell staff that it takes us again."""
    turn.tell_staff([Role.SUPPORT], say("staff_let_in", what=CALLED.get(command.carrier, command.carrier.upper())))
