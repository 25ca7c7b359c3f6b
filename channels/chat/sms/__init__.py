"""SMS through Twilio: its two web hooks and its messages.

Shapes and codes: twilio.com/docs, "Request to your web hook", "Message resource", "Error dictionary".
"""

from channels.chat.sms.chat import Sms
from channels.chat.sms.hook import SmsHook, SmsStatusHook

__all__ = ["Sms", "SmsHook", "SmsStatusHook"]
