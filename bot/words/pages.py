"""Cutting one message into texts that fit an SMS, at lines before sentences before words; nothing is lost."""

from collections.abc import Iterator, Sequence

from domain.gsm7 import LONGEST_SMS, is_gsm7, septets, to_gsm7
from domain.messages import Option, Outgoing, numbered

LONGEST_LABEL = 20
"""Septets that a label may take when the answers together are too long: ten of them leave room for a question."""

LONGEST_MENU = LONGEST_SMS - 60
"""Septets that the numbered answers may take together, so that a question stands with them."""

_BREAKS = ("\n", ". ", " ")


def sms_pages(message: Outgoing) -> tuple[Outgoing, ...]:
    """Return the texts, in GSM-7, that say a message. The last one holds the answers and the end of what was said."""
    whole = numbered(message)
    if is_gsm7(whole) and septets(whole) <= LONGEST_SMS:
        return (message,)
    options = _options(message)
    menu = septets(numbered(Outgoing("", options)))
    pages = list(_pages(to_gsm7(message.text)))
    if septets(pages[-1]) + menu > LONGEST_SMS:
        pages[-1:] = _parted(pages[-1].rstrip(), LONGEST_SMS - menu)
    return (*(Outgoing(page) for page in pages[:-1]), Outgoing(pages[-1], options, message.button))


def _options(message: Outgoing) -> tuple[Option, ...]:
    """Return the answers in GSM-7, their labels cut short only when they would not fit one text together."""
    options = tuple(Option(o.id, to_gsm7(o.label)) for o in message.options)
    if septets(numbered(Outgoing("", options))) <= LONGEST_MENU:
        return options
    return tuple(Option(o.id, o.label[: _fitting(o.label, LONGEST_LABEL)]) for o in options)


def _pages(text: str) -> Iterator[str]:
    """Fill one text after the other."""
    rest = text if septets(text) <= LONGEST_SMS else text.strip()
    while septets(rest) > LONGEST_SMS:
        most = _fitting(rest, LONGEST_SMS)
        # Early breaks make many short texts, and each one costs: a later break of a lower kind comes first.
        cut = _last_break(rest, most // 2, most) or _last_break(rest, 1, most) or most
        yield rest[:cut].rstrip()
        rest = rest[cut:].lstrip()
    yield rest


def _parted(page: str, room: int) -> Sequence[str]:
    """Part a text in two, the second as much of its end as fits into the room."""
    least = len(page) - _fitting(page[::-1], room)
    found = ((page.find(mark, max(least - len(mark), 0)), mark) for mark in _BREAKS)
    cut = next((at + len(mark) for at, mark in found if at >= 0), least)
    return page[:cut].rstrip(), page[cut:].lstrip()


def _fitting(text: str, room: int) -> int:
    """Return how many characters from the start take no more than so many septets."""
    many = min(len(text), room)
    while (over := septets(text[:many]) - room) > 0:
        many -= (over + 1) // 2
    return many


def _last_break(text: str, least: int, most: int) -> int:
    """Return where the last line, else sentence, else word between two places ends; 0 for nowhere."""
    for mark in _BREAKS:
        if (found := text.rfind(mark, least, most)) > 0:
            return found + len(mark)
    return 0
