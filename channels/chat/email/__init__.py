"""E-mail by SendGrid: a way to reach somebody. Nobody is heard by it: answers are not read, and each mail says so.

Shapes and limits: twilio.com/docs/sendgrid, "Mail Send" and "Event Webhook".
"""

from channels.chat.email.hook import SendGridHook
from channels.chat.email.sendgrid import Email, Letter

__all__ = ["Email", "Letter", "SendGridHook"]
