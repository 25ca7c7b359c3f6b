"""What an SMS of ours may say: plain GSM-7 of two segments at most, by whichever way it goes."""

from domain.gsm7 import LONGEST_SMS, septets, to_gsm7
from domain.messages import Outgoing, numbered


def text_of(message: Outgoing) -> str:
    """Render a message as the plain text that is sent, with its choice as a numbered menu.

    Raises ValueError for a text that is empty or over 305 septets: the caller splits it where it makes sense.
    """
    text = to_gsm7(numbered(message))
    if not text.strip():
        raise ValueError("an SMS cannot be empty")
    if (length := septets(text)) > LONGEST_SMS:
        raise ValueError(f"{length} septets, an SMS of ours may have {LONGEST_SMS}")
    return text
