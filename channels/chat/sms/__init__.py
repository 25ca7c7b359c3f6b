"""SMS by two ways: through Twilio, and by a telephone with a local SIM; the web hooks of both.

Twilio's shapes and codes: twilio.com/docs, "Request to your web hook", "Message resource", "Error dictionary".
"""

from channels.chat.sms.routes import Sms, Way, ways
from channels.chat.sms.smsgate import EVENTS, SmsGate, authorization, gate_id
from channels.chat.sms.smsgate_hook import SmsGateHook
from channels.chat.sms.twilio import Twilio
from channels.chat.sms.twilio_hook import SmsHook, SmsStatusHook

__all__ = [
    "EVENTS",
    "Sms",
    "SmsGate",
    "SmsGateHook",
    "SmsHook",
    "SmsStatusHook",
    "Twilio",
    "Way",
    "authorization",
    "gate_id",
    "ways",
]
