"""`pardna templates`: the forms that Meta has to approve before a notice may go outside WhatsApp's 24 hours."""

import argparse

import orjson

from bot.config import Settings
from bot.templates import exported, forms
from domain.people import Language


async def list_forms(_settings: Settings, _asked: argparse.Namespace) -> int:
    """List them by name, with what each says."""
    for language in Language:
        for form in forms(language).values():
            buttons = "".join(f" [{label}]" for label in form.labels)
            print(f"{form.name}  {form.category}\n    {' / '.join(form.body.splitlines())}{buttons}")
    return 0


async def export(_settings: Settings, _asked: argparse.Namespace) -> int:
    """Print them as `POST /{account}/message_templates` takes them, one JSON object a line."""
    for shape in exported():
        print(orjson.dumps(shape).decode())
    return 0
