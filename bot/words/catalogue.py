"""All copy people see, by language: gettext catalogues whose keys are the names of the texts.

`render` turns what is to be said into messages ready for one channel. No text of ours leaves GSM-7 on SMS, and
no SMS is longer than two segments: what is longer goes out as several.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files

from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from bot.words.pages import sms_pages
from bot.words.say import Drawn, Figure, Say, Text
from domain.messages import LONGEST_ID, Attachment, AttachmentKind, Channel, Option, Outgoing, is_caption
from domain.money import MINOR_PER_MAJOR, Money
from domain.people import Language


@lru_cache(maxsize=4096)
def day(value: date, language: Language) -> str:
    """Write a date as `Fri 22 Jan`."""
    return format_date(value, "EEE d MMM", locale=language.locale)


@lru_cache(maxsize=4096)
def long_day(value: date, language: Language) -> str:
    """Write a date with its year, as on pages: `Fri 22 Jan 2027`."""
    return format_date(value, "EEE d MMM y", locale=language.locale)


@lru_cache(maxsize=4096)
def money(value: Money, language: Language) -> str:
    """Write an amount as `J$5,000`, or `J$5,000.50`. CLDR's `$` alone would not tell one dollar from the other."""
    pattern = "#,##0.00" if value.minor % MINOR_PER_MAJOR else "#,##0"
    figure = format_decimal(Decimal(abs(value.minor)) / MINOR_PER_MAJOR, pattern, locale=language.locale)
    return f"{'-' if value.minor < 0 else ''}{value.currency.sign}{figure}"


@cache
def texts_of(language: Language) -> Mapping[str, str]:
    """Return the texts of one language by name, gaps and all."""
    with files("bot.words").joinpath(f"{language.value}.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file) if m.id and m.string}


def _table_of(attached: Attachment | None) -> Attachment | None:
    """Return the table that goes beside a document."""
    if attached is None or attached.kind is not AttachmentKind.DOCUMENT:
        return None
    return replace(attached, kind=AttachmentKind.TABLE, name=f"{attached.name.removesuffix('.pdf')}.csv")


def _uncounted(_: Language) -> None:
    """Do nothing about a text that a language lacks."""


class Catalogue:
    """The texts of every language. A text that a language lacks is said in English, and counted by `lacks`."""

    def __init__(self, site: str, lacks: Callable[[Language], None] = _uncounted) -> None:
        self._texts = {language: texts_of(language) for language in Language}
        self._site = site
        self._lacks = lacks

    def write(self, what: Text, language: Language) -> str:
        """Return one text in one language, its gaps filled."""
        found, filled = self.gaps(what, language)
        return found.format_map(filled) if "{" in found else found

    def gaps(self, what: Text, language: Language) -> tuple[str, Mapping[str, str]]:
        """Return one text in one language with its gaps, and what fills them, for whoever puts it together."""
        found = self._texts[language].get(what.name)
        if not found:
            found = self._texts[Language.EN][what.name]
            self._lacks(language)
        return found, {"site": self._site, **{name: self._figure(f, language) for name, f in what.figures.items()}}

    def render(self, what: Say, language: Language, channel: Channel) -> tuple[Outgoing, ...]:
        """Return the messages that say it on a channel: one, but for an SMS that would be too long."""
        body = "\n".join(self.write(t, language) for t in what.texts)
        fits = (a for a in what.answers if len(a.line.encode()) <= LONGEST_ID)  # what is longer can still be typed
        options = tuple(Option(a.line, self._label(a.label, language)) for a in fits)
        button = self.write(Text("choose"), language) if options else ""
        drawn = self._attachment(what.drawn, language) if what.drawn else None
        return self.fit(Outgoing(body, options, button, drawn), channel, language)

    @staticmethod
    def fit(message: Outgoing, channel: Channel, language: Language) -> tuple[Outgoing, ...]:
        """Return the messages in which a network can carry this one.

        A picture or document stands before what is too much beside it; an SMS has none.
        """
        if channel is Channel.EMAIL:
            return (replace(message, language=language.value, beside=_table_of(message.attachment)),)
        if channel is Channel.SMS:
            return sms_pages(replace(message, attachment=None))
        if message.attachment is None or is_caption(message):
            return (message,)
        return (Outgoing(message.attachment.alt, attachment=message.attachment), replace(message, attachment=None))

    def _attachment(self, drawn: Drawn, language: Language) -> Attachment:
        alt = self.write(drawn.alt, language)
        return Attachment(drawn.kind, drawn.document, drawn.name, alt, language.value, drawn.token)

    def _label(self, label: Text | str, language: Language) -> str:
        return label if isinstance(label, str) else self.write(label, language)

    def _figure(self, value: Figure, language: Language) -> str:
        match value:
            case str():
                return value
            case Money():
                return money(value, language)
            case date():
                return day(value, language)
            case Text():
                return self.write(value, language)
            case tuple():
                return "\n".join(v if isinstance(v, str) else self.write(v, language) for v in value)
            case _:
                return str(value)
