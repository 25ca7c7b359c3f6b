"""One chat by SMS, whichever way a message takes: by the local SIM, or through Twilio.

Telephones of Jamaica are written to by the SIM, since Twilio does not carry their answers; all others, and all while
the phone with the SIM is silent, by Twilio. A way is only left for the next where it surely did not take the message.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final, Protocol

from channels.base import Outcome, Refused, Retry, Sent, Unknown
from channels.chat.sms.smsgate import SmsGate
from channels.chat.sms.text import text_of
from channels.chat.sms.twilio import Twilio
from channels.files import GONE
from domain.messages import Outgoing

HOME: Final = ("+1876", "+1658")
"""How numbers of Jamaica begin."""


class Way(StrEnum):
    """How an SMS leaves."""

    SIM = "sim"
    TWILIO = "twilio"


class Sender(Protocol):
    """One way out."""

    async def send(self, address: str, text: str, key: str) -> Outcome:
        """Send a text that fits."""
        ...


def ways(address: str, *, sim: bool, awake: bool, twilio: bool) -> tuple[Way, ...]:
    """Return the ways of an SMS to a number, the first one first. `awake`: the phone with the SIM was heard lately.

    Where Twilio is not set up all goes by the SIM, be it silent: what waits there leaves when it is back.
    """
    if sim and (not twilio or (awake and address.startswith(HOME))):
        return (Way.SIM, Way.TWILIO) if twilio else (Way.SIM,)
    return (Way.TWILIO,) if twilio else ()


def _always() -> bool:
    return True


async def _spare() -> bool:
    return True


class Sms:
    """Sends by Twilio, by the phone behind a gateway, or by both, as `ways` says.

    `awake` tells whether the phone was heard lately, `spare` whether its SIM may send one more today.
    """

    name = "sms"

    def __init__(
        self,
        twilio: Twilio | None = None,
        gate: SmsGate | None = None,
        *,
        awake: Callable[[], bool] = _always,
        spare: Callable[[], Awaitable[bool]] = _spare,
    ) -> None:
        self._gate = gate
        self._twilio = twilio
        self._senders: dict[Way, Sender] = {Way.TWILIO: twilio} if twilio else {}
        self._senders |= {Way.SIM: gate} if gate else {}
        self._awake = awake
        self._spare = spare
        usual = twilio or gate
        self.rate_per_second = usual.rate_per_second if usual else float("inf")
        self.home_rate_per_second = gate.rate_per_second if gate and twilio else float("inf")

    @property
    def home(self) -> tuple[str, ...]:
        """How the numbers begin that go by the SIM now, at its pace."""
        return HOME if len(self._senders) == len(Way) and self._awake() else ()

    async def send(self, address: str, message: Outgoing, key: str) -> Outcome:
        """Send one message. Raises ValueError for what cannot be shown (see `text_of`)."""
        text = text_of(message)
        outcome: Outcome = Refused("no way to this number is set up", "no-way")
        for way in await self._ways(address, message):
            tried = await self._senders[way].send(address, text, key)
            match tried:
                case Sent() | Unknown() | Refused(gone=True):
                    return tried
                case _:  # surely not taken; that it may be later outweighs that another way never will
                    outcome = outcome if isinstance(outcome, Retry) else tried
        return outcome

    async def look_up(self, key: str) -> Outcome:
        """Say whether the phone has a message. Retry: it has not, so it may be sent. Twilio cannot be asked."""
        return await self._gate.look_up(key) if self._gate else Retry("Twilio is not asked by our key")

    async def fetch(self, reference: str) -> bytes | Outcome:
        """Get a picture that came by Twilio; the SIM's are not taken."""
        return await self._twilio.fetch(reference) if self._twilio else GONE

    async def _ways(self, address: str, message: Outgoing) -> tuple[Way, ...]:
        if message.by_sim or message.past_sim:
            only = Way.SIM if message.by_sim else Way.TWILIO
            return (only,) if only in self._senders else ()
        every = ways(address, sim=Way.SIM in self._senders, awake=self._awake(), twilio=Way.TWILIO in self._senders)
        full = every == (Way.SIM, Way.TWILIO) and not await self._spare()
        return (Way.TWILIO,) if full else every
