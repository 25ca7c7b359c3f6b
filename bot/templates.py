"""The forms that WhatsApp takes outside its 24 hours: which notice goes as which, and what Meta is to approve.

A form is a text of the catalogue between a fixed head and tail (Meta takes no gap at either end). Its name ends in a
mark of its words: who changes a text makes a new form, which has to be approved, and never sends other words under an
old yes. Which texts have one stands in words/templates.toml.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Final
from zlib import crc32

from bot.words.catalogue import Catalogue, texts_of
from bot.words.say import Say, Text, text
from domain.messages import Template
from domain.people import Language

LANGUAGE: Final = "en"
"""What Meta calls it. It has no code for Patwa, whose forms are English to it and differ by name."""
NEWS: Final = text("template_news").name


@dataclass(frozen=True, slots=True)
class Form:
    """One template in one language. `gaps` name what fills `{{1}}`, `{{2}}` ... of its body, in order.

    Meta takes no two side by side: those become one, of several names.
    """

    name: str
    category: str
    body: str
    gaps: tuple[tuple[str, ...], ...]
    buttons: tuple[str, ...]
    """Names of the labels."""
    labels: tuple[str, ...]


@cache
def _kept() -> Mapping[str, Any]:
    return tomllib.loads(files("bot.words").joinpath("templates.toml").read_text())


@cache
def forms(language: Language) -> Mapping[str, Form]:
    """Return every form of a language by the name of its text."""
    texts = {**texts_of(Language.EN), **texts_of(language)}
    return {of: _form(of, language, texts, kept) for of, kept in _kept()["templates"].items()}


def _form(of: str, language: Language, texts: Mapping[str, str], kept: Mapping[str, Any]) -> Form:
    body, gaps = "", list[tuple[str, ...]]()
    for words, gap, _, _ in Formatter().parse(texts[of]):
        if gap and gaps and not words.strip():
            gaps[-1] += (gap,)
            continue
        body += words
        if gap:
            gaps.append((gap,))
            body += f"{{{{{len(gaps)}}}}}"
    head, tail = texts[text("template_head").name], texts[text("template_tail").name]
    body = f"{head} {body}" if of == NEWS else f"{head} {body}\n{tail}"
    buttons = tuple(kept.get("buttons", ()))
    labels = tuple(texts[label] for label in buttons)
    mark = f"{crc32('|'.join([body, *labels]).encode()):08x}"
    return Form(f"{of}_{language.value}_{mark}", kept["category"], body, tuple(gaps), buttons, labels)


def template_of(what: Say, language: Language, catalogue: Catalogue) -> Template:
    """Return the form in which a notice goes when its own words may not: its own, or else that there is news."""
    found = forms(language)
    first = what.texts[0]
    if first.name in found and (filled := _filled(found[first.name], what, first, language, catalogue)):
        return filled
    return news(language)


def news(language: Language) -> Template:
    """Return the form that asks for any word, so that the notice itself may be sent."""
    return Template(forms(language)[NEWS].name, LANGUAGE)


def _filled(form: Form, what: Say, first: Text, language: Language, catalogue: Catalogue) -> Template | None:
    """Fill the gaps; None when one stays empty, or a button has no answer, which Meta would refuse."""
    _, figures = catalogue.gaps(first, language)
    if not all(figures.get(name, "").strip() for gap in form.gaps for name in gap):
        return None
    values = tuple(_value(figures, gap) for gap in form.gaps)
    lines = {a.label.name: a.line for a in what.answers if isinstance(a.label, Text)}
    if not all(label in lines for label in form.buttons):
        return None
    payloads = tuple(lines[label] for label in form.buttons)
    whole = len(what.texts) == 1 and what.drawn is None
    return Template(form.name, LANGUAGE, values, payloads, whole=whole)


def _value(figures: Mapping[str, str], gap: tuple[str, ...]) -> str:
    return " ".join(figures[name].strip().replace("\n", ", ") for name in gap)


def exported() -> list[dict[str, Any]]:
    """Return all forms as Meta's `message_templates` takes them, one object each."""
    return [_shape(form) for language in Language for form in forms(language).values()]


def _shape(form: Form) -> dict[str, Any]:
    samples = _kept()["samples"]
    body: dict[str, Any] = {"type": "BODY", "text": form.body}
    if form.gaps:
        body["example"] = {"body_text": [[_value(samples, gap) for gap in form.gaps]]}
    components = [body]
    if form.labels:
        buttons = [{"type": "QUICK_REPLY", "text": label} for label in form.labels]
        components.append({"type": "BUTTONS", "buttons": buttons})
    return {"name": form.name, "language": LANGUAGE, "category": form.category, "components": components}
