"""What we tell people, as Meta's JSON: text, buttons, a list, or a numbered menu.

heyoo builds the payloads and nothing else: it never gets near the network or the log.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

import heyoo

from domain.messages import Attachment, AttachmentKind, Option, Outgoing, Template, numbered

BODY_LIMIT: Final = 4096
INTERACTIVE_BODY_LIMIT: Final = 1024
CAPTION_LIMIT: Final = 1024
BUTTONS_LIMIT: Final = 3
ROWS_LIMIT: Final = 10
_BUTTON_TITLE, _ROW_TITLE, _ROW_DETAIL, _LIST_BUTTON = 20, 24, 72, 20


def _captured(url: str, headers: Mapping[str, str], json: dict[str, Any]) -> Any:  # noqa: ARG001 - requests' names
    """Stand in for `requests.post`: the "answer" is the payload, and so what each method of heyoo returns."""
    return SimpleNamespace(status_code=200, json=lambda: json)


# heyoo would send with `requests`, without a time limit, and log people's numbers through the root logger:
# both names in its module are replaced, so that nothing is left of it but the building of payloads.
heyoo.requests = SimpleNamespace(post=_captured)
heyoo.logging = SimpleNamespace(info=lambda _message: None, error=lambda _message: None)


def trimmed(label: str, limit: int) -> str:
    """Shorten a label to `limit` characters, at a word where that leaves half of it, and end in `…`."""
    label = " ".join(label.split())
    if len(label) <= limit:
        return label
    cut = label[: limit - 1]
    if not label[limit - 1].isspace() and cut.rfind(" ") >= limit // 2:
        cut = cut[: cut.rfind(" ")]
    return cut.rstrip(" ,;:-") + "…"


def payload_of(address: str, message: Outgoing, media_id: str = "") -> dict[str, Any]:
    """Build the payload: text, up to three buttons, a list of up to ten, or else a numbered menu.

    A template goes as it was approved, without the words that it stands for. With `media_id` (of the message's
    attachment, uploaded before) the text is the caption of a picture or document, or the body under it where there are
    buttons. Raises ValueError for more than ten options (the caller shows them
    by pages) and for a text that is empty or too long: half a message about money is worse than none.
    """
    if len(message.options) > ROWS_LIMIT:
        raise ValueError(f"{len(message.options)} options, WhatsApp shows {ROWS_LIMIT}: show them by pages")
    if not message.text.strip():
        raise ValueError("WhatsApp takes no empty text")
    if message.template:
        payload = _templated(message.template)
    elif message.attachment and media_id:
        payload = _with_media(message, message.attachment, media_id)
    else:
        payload = _interactive(message) or _text(message)
    payload = {"recipient_type": "individual"} | {k: v for k, v in payload.items() if v is not None}
    if address.startswith("+"):
        payload["to"] = address[1:]
    else:
        # A person without a number is named by `recipient`; a user id in `to` is refused.
        del payload["to"]
        payload["recipient"] = address
    return payload


_BUILDER = heyoo.WhatsApp(token="", phone_number_id="")
_NOBODY = "nobody"


def _text(message: Outgoing) -> dict[str, Any]:
    text = numbered(message)
    if len(text) > BODY_LIMIT:
        raise ValueError(f"{len(text)} characters, WhatsApp takes {BODY_LIMIT}")
    payload: dict[str, Any] = _BUILDER.send_message(text, _NOBODY, preview_url=False)
    return payload


def _templated(template: Template) -> dict[str, Any]:
    """Fill a template. Meta takes no value that is empty, and none with a line break."""
    values = [" ".join(value.split()) for value in template.values]
    if not all(values):
        raise ValueError("WhatsApp takes no empty value in a template")
    texts = [{"type": "text", "text": value} for value in values]
    components: list[dict[str, Any]] = [{"type": "body", "parameters": texts}] if texts else []
    for number, payload in enumerate(template.payloads):
        button = {"type": "button", "sub_type": "quick_reply", "index": str(number)}
        components.append(button | {"parameters": [{"type": "payload", "payload": payload}]})
    built: dict[str, Any] = _BUILDER.send_template(template.name, _NOBODY, components, template.language)
    return built


def _with_media(message: Outgoing, attached: Attachment, media_id: str) -> dict[str, Any]:
    """Build a picture or a document: above buttons as their header, else with the text as its caption."""
    document = attached.kind is AttachmentKind.DOCUMENT
    media = {"id": media_id} | ({"filename": attached.name} if document else {})
    buttons = 0 < len(message.options) <= BUTTONS_LIMIT
    if buttons and (payload := _interactive(message)):
        payload["interactive"]["header"] = {"type": attached.kind.value, attached.kind.value: media}
        return payload
    caption = numbered(message)
    if len(caption) > CAPTION_LIMIT:
        raise ValueError(f"{len(caption)} characters, a caption has {CAPTION_LIMIT}")
    shown = media | {"caption": caption}
    return {"messaging_product": "whatsapp", "to": _NOBODY, "type": attached.kind.value, attached.kind.value: shown}


def _interactive(message: Outgoing) -> dict[str, Any] | None:
    """Build buttons or a list; None where a numbered menu is the honest form.

    That is for a text over the limit, and for titles that trimming has made equal: nobody shall guess between
    two buttons that read the same, and Meta refuses them.
    """
    options = message.options
    if not options or len(message.text) > INTERACTIVE_BODY_LIMIT:
        return None
    buttons = len(options) <= BUTTONS_LIMIT
    titles = [trimmed(option.label, _BUTTON_TITLE if buttons else _ROW_TITLE) for option in options]
    if len(set(titles)) < len(titles) or len({option.id for option in options}) < len(options):
        return None
    payload: dict[str, Any]
    if buttons:
        replies = [
            {"type": "reply", "reply": {"id": option.id, "title": title}}
            for option, title in zip(options, titles, strict=True)
        ]
        body = {"type": "button", "body": {"text": message.text}, "action": {"buttons": replies}}
        payload = _BUILDER.send_reply_button(body, _NOBODY)
    else:
        rows = [_row(option, title) for option, title in zip(options, titles, strict=True)]
        action = {"button": trimmed(message.button.strip() or "Menu", _LIST_BUTTON), "sections": [{"rows": rows}]}
        payload = _BUILDER.send_button({"body": message.text, "action": action}, _NOBODY)
    return payload


def _row(option: Option, title: str) -> dict[str, str]:
    """Build a row; a label that had to be cut stands whole in its description where that is free."""
    detail = option.detail or (option.label if title.endswith("…") else "")
    row = {"id": option.id, "title": title}
    return row | {"description": trimmed(detail, _ROW_DETAIL)} if detail else row
