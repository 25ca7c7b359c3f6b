"""The money terms of a circle in words, the same in chat and on its invitation's page (rules.md 27, 31, 36, 41, 49)."""

from bot.words.say import Text, text
from domain.terms import FeeKind, OnDefault, Terms, percent


def fee_text(terms: Terms) -> Text:
    """Say what the banker gets."""
    match terms.fee_kind:
        case FeeKind.PERCENT:
            return text("terms_fee_percent", percent=percent(terms.fee_share))
        case FeeKind.HAND:
            return text("terms_fee_hand", fee=terms.money(terms.fee_of()))
        case FeeKind.GIFT:
            return text("terms_fee_gift")
        case FeeKind.FLAT:
            return text("terms_fee", fee=terms.money(terms.fee)) if terms.fee else text("terms_no_fee")


def more_texts(terms: Terms, banker: str, *, whole: bool = False) -> tuple[Text, ...]:
    """Say what else was agreed on money, a line each; `whole`: also what holds where nothing was said of it."""
    lines: list[Text] = []
    most = terms.money(terms.late_cap)
    if terms.late_fee:
        lines.append(text("terms_late", fee=terms.money(terms.late_fee), most=most))
    if terms.late_share:
        lines.append(text("terms_late_percent", percent=percent(terms.late_share), most=most))
    if terms.reserve_share:
        lines.append(text("terms_reserve", percent=percent(terms.reserve_share)))
    if terms.cover:
        lines.append(text("terms_cover", banker=banker))
    if terms.on_default is OnDefault.SUBSTITUTE:
        lines.append(text("terms_default_substitute"))
    elif whole:
        lines.append(text("terms_default_last"))
    return tuple(lines)


def each_text(terms: Terms, grace_days: int, banker: str) -> tuple[Text, ...]:
    """Say every term that a vote may change by itself, so that two circles' may be held against each other."""
    more = more_texts(terms, banker, whole=True)
    none = (
        (not terms.has_late_fee, text("term_no_late")),
        (not terms.reserve_share, text("term_no_reserve")),
        (not terms.cover, text("term_no_cover")),
    )
    return (fee_text(terms), text("term_grace", grace=grace_days), *more, *(said for absent, said in none if absent))
