"""Mails as people read them: one message as plain text and as HTML, and the link that ends all mail to an address.

A mail is a way to reach somebody and no conversation: it names the words to be typed in the chat, and says that answers
to it are not read.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.words.catalogue import Catalogue
from bot.words.say import text
from channels.chat.email import Letter
from domain.messages import Outgoing
from domain.people import Language
from storage.vault import Unsealable, Vault

PATH: Final = "/mail/stop/"
LONGEST_SUBJECT: Final = 70
SHORTEST_SUBJECT: Final = 20
"""Of whole sentences; what is shorter says too little."""
_PLACE: Final = "mail.stop"
TITLE: Final = "Digital Pardna"
_CODE: Final = re.compile(r"\b[0-9]{6}\b")
"""A one-time code, which a locked screen must not show in a subject."""
_REPLY: Final = re.compile(r"\b([Rr])eply(?= [A-Z]{2})")
"""`reply STOP PAYOUT`: what a chat says."""
_KEY: Final = Markup('<kbd style="font:600 17px Consolas,Menlo,monospace;white-space:nowrap">{}</kbd>')
_LANGUAGES: Final = {language.value: language for language in Language}


class StopLinks:
    """Makes and reads the links that end all mail to an address; nothing is kept of them."""

    def __init__(self, vault: Vault, site: str) -> None:
        self._vault = vault
        self._site = site.rstrip("/")

    def url(self, address: str) -> str:
        """Return the link of an address."""
        token = base64.urlsafe_b64encode(self._vault.seal(_PLACE, address.encode())).decode().rstrip("=")
        return f"{self._site}{PATH}{token}"

    def address(self, token: str) -> str:
        """Return whose link it is, or "" when it is nobody's."""
        try:
            return self._vault.open(_PLACE, base64.b64decode(token + "=" * (-len(token) % 4), b"-_")).decode()
        except (binascii.Error, Unsealable, ValueError):
            return ""


class Letters:
    """Writes messages as mails."""

    def __init__(self, catalogue: Catalogue, links: StopLinks) -> None:
        self._catalogue = catalogue
        self._links = links
        loader = FileSystemLoader(Path(__file__).parent)
        environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._template = environment.get_template("letter.html")

    def write(self, address: str, message: Outgoing) -> Letter:
        """Write a message to an address, in the language that it is in."""
        language = _LANGUAGES.get(message.language, Language.EN)
        stop = self._links.url(address)
        body = [message.text if message.options else self._in_chat(message.text, language)]
        if message.attachment and message.attachment.alt not in message.text:
            body.append(message.attachment.alt)
        shown = [_linked(part) for part in body]
        if message.options:
            answers, keys = self._answers([option.id for option in message.options], language)
            body.append(answers)
            shown.append(keys)
        foot = self._catalogue.write(text("mail_foot"), language)
        end = self._catalogue.write(text("mail_stop"), language)
        subject = TITLE if _CODE.search(message.text) else subject_of(body[0])
        html = self._template.render(tag=language.tag, subject=subject, body=shown, foot=foot, end=end, stop=stop)
        return Letter(subject, "\n\n".join([*body, "-- ", foot, f"{end} {stop}"]), html, stop)

    def _in_chat(self, said: str, language: Language) -> str:
        """Say where a word is to be typed: answers to a mail are read by nobody."""
        where = self._catalogue.write(text("mail_in_chat"), language)
        return _REPLY.sub(lambda found: f"{where.capitalize() if found[1] == 'R' else where} reply", said)

    def _answers(self, words: Sequence[str], language: Language) -> tuple[str, Markup]:
        """Say with which words to answer in chat, as text and as HTML."""
        what = text("mail_answers", words=", ".join(words))
        found, filled = self._catalogue.gaps(what, language)
        keys = Markup(", ").join(_KEY.format(word) for word in words)
        return self._catalogue.write(what, language), escape(found).format_map({**filled, "words": keys})


def subject_of(said: str) -> str:
    """Return the start of what is said, up to a line's, a sentence's or a word's end; a header takes no line break."""
    first = " ".join(next(line for line in said.splitlines() if line.strip()).split())
    first = "".join(c for c in first if c.isprintable())
    if len(first) <= LONGEST_SUBJECT:
        return first or TITLE
    for mark, end in ((". ", "."), ("; ", ""), (": ", ""), (", ", "")):
        part = first[: LONGEST_SUBJECT + 1].rpartition(mark)[0]
        if len(part) >= SHORTEST_SUBJECT:
            return f"{part}{end}"
    kept = first[: LONGEST_SUBJECT - 3]
    return (kept.rpartition(" ")[0].rstrip(" .,:;") or kept) + "..."


def _linked(said: str) -> Markup:
    """Return a text as HTML: its lines stay lines, and the addresses of pages can be followed."""
    lines = (Markup(" ").join(_word(word) for word in line.split(" ")) for line in said.split("\n"))
    return Markup("<br>\n").join(lines)


def _word(word: str) -> Markup:
    if not word.startswith(("https://", "http://")):
        return escape(word)
    link = word.rstrip(".,;:)")
    return Markup('<a href="{}" style="color:#075e46">{}</a>{}').format(link, link, word[len(link) :])
