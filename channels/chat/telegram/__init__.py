"""Telegram: its web hook, its messages, and long polling where there is no public URL.

Shapes and limits: core.telegram.org/bots/api.
"""

from channels.chat.telegram.chat import Telegram
from channels.chat.telegram.hook import TelegramHook
from channels.chat.telegram.poller import TelegramPoller

__all__ = ["Telegram", "TelegramHook", "TelegramPoller"]
