"""Stripe: cards and whatever else its Checkout page takes, refunds, disputes, fees, and its payouts to the operator.

`StripeRail` asks, `StripeHook` is told; both file what they learn under the same names, so that what was asked for and
what came by itself is one arrival. Neither keeps state nor posts money.
"""

from channels.rails.stripe.hook import TOLERANCE_SECONDS, StripeHook
from channels.rails.stripe.rail import StripeRail
from channels.rails.stripe.translate import is_live

__all__ = ["TOLERANCE_SECONDS", "StripeHook", "StripeRail", "is_live"]
