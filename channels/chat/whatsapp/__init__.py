"""WhatsApp through Meta's Cloud API: its web hook and its messages.

Shapes and limits: developers.facebook.com, "WhatsApp Business Platform", web hooks and messages references.
"""

from channels.chat.whatsapp.chat import WhatsApp
from channels.chat.whatsapp.hook import WhatsAppHook

__all__ = ["WhatsApp", "WhatsAppHook"]
