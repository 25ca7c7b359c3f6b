"""What each figure of money in the texts is, so that WHY can tell where it comes from.

A figure of a circle knows its circle (`Circle.money`). What else tells it from another of the same amount stands beside
it in the text (`round`, `ref`, `receipt`), or is said with the figure where it does not. Every figure of money that
texts to members hold stands here, or in `TYPED`: tests/words/test_origins.py reads the catalogue.
"""

from collections.abc import Iterable, Iterator, Mapping

from bot.words.say import Figure, Say, Text
from domain.money import Money, Stem
from domain.why import AGREED, BY_REF, Of, Origin

_SAID: Mapping[Of, str] = {
    Of.THROW: """ask_begin.throw begun.throw circle_active.throw circle_made.throw fee_too_high.throw
        group_opened.throw late_too_high.throw terms.throw terms_hands.amount""",
    Of.GROSS: """card_done.gross card_head.gross card_of.gross draw_now.gross paid_in.gross pot_full.pot
        pot_full_banker.pot receipt.gross receipt_for.gross sum_gross.amount sum_half.amount terms_more.gross""",
    Of.FEE: "terms_fee.fee terms_fee_hand.fee sum_fee.amount",
    Of.LATE: """balance_late_fee.amount late_added.amount line_late.amount receipt_late.amount sum_late.amount
        terms_late.fee terms_late.most terms_late_percent.most""",
    Of.RESERVE: "sum_reserve.amount",
    Of.COVER: """cover_back.amount cover_more.left cover_over.amount cover_promised.amount covered.amount
        covered_told.amount reserve_filled.amount reserve_shared.amount waived.amount waived_drawer.amount
        waived_line.amount waived_told.amount plan_asked.amount plan_sent.amount plan_agreed.amount
        plan_agreed_banker.amount plan_due.amount""",
    Of.OWED: """ask_amount.amount balance_due.amount balance_late.amount balance_missed.amount line_owes.amount
        missed.amount missed_line.amount owed_line.amount receipt_owed.owed remind_late.amount remind_soon.amount
        plan_asked.owed plan_sent.owed plan_agreed.owed plan_agreed_banker.owed plan_more.left plan_due.left
        plan_kept.owed plan_kept_banker.owed plan_behind.left plan_behind_banker.left
        remind_today.amount round_opened.amount statement_mine.owed still_owe.amount""",
    Of.LEFT: "claim_off.left claim_off_banker.left more_than_left.left on_its_way.left",
    Of.SURPLUS: "surplus.amount",
    Of.DEBT: "balance_debt.amount banker_changed_cash.cash banker_no_more_cash.cash debt_repaid.left",
    Of.CREDIT: """balance_credit.amount line_credit.amount receipt_credit.credit statement_mine.credit
        still_credit.amount""",
    Of.USED: "credit_used.used round_opened_paid.used",
    Of.CASH: "ask_hand_over.cash balance_cash.amount cash_confirmed_banker.held statement_book.there",
    Of.EARNED: "fee_earned.amount fee_earned.kept fee_kept.amount fee_waits.amount",
    Of.POT: "card_done.pot card_head.pot draw_now.pot paid_in.pot receipt.pot receipt_for.pot",
    Of.THERE: "pay_day_short.there top_up.amount",
    Of.OPEN: "pot_not_full.left",
    Of.DRAW: """card_done.amount draw_free.amount draw_free_banker.amount draw_held_arrears.amount
        draw_held_trn.amount draw_lottery.amount draw_order.amount draw_short.amount draw_turn.amount pay_day.amount
        pay_day_empty.amount pay_day_held_arrears.amount pay_day_held_trn.amount pay_day_short.amount
        half_done.amount round_done.amount your_draw.net""",
    Of.PAID: "card_drew.amount draw_short.paid",
    Of.REST: "line_owed.amount pot_empty.amount received_short.owed your_draw_short.owed",
    Of.OFFSET: "draw_settled.owed draw_settled_banker.owed",
    Of.OWN_THROW: "sum_throw.amount",
    Of.ARREARS: "sum_arrears.amount",
    Of.PAYMENT: """cash_claimed.amount cash_confirmed.amount cash_confirmed_already.amount
        cash_confirmed_banker.amount cash_confirmed_told.amount cash_denied_already.amount cash_disputed.amount
        cash_disputed_told.amount cash_recorded.amount cash_recorded_ask.amount cash_silence.amount
        cash_unanswered.amount cash_waits.amount claim_off.amount claim_off_banker.amount debt_repaid.amount
        dispute_counts.amount dispute_gone.amount dispute_not.amount paid_again.amount paid_in.amount
        paid_other.amount paid_other.asked pay_expired.amount pay_failed.amount pay_link.amount pay_link_coming.amount
        pay_quote.amount pay_quote.price pay_transfer.amount pay_transfer_lynk.amount pay_under_way.amount
        receipt.amount receipt_ended.amount receipt_for.amount sent_noted.amount waits_cash.amount""",
    Of.PAYOUT: """approve_ask.amount approved.amount dispute_came.amount dispute_open.amount
        dispute_open_banker.amount fee_sending.amount fee_sent.amount hand_over.hand how_both.hand how_both.rail
        how_both_you.hand how_both_you.rail how_cash.hand how_cash_you.hand how_rail.rail
        not_received.amount not_received_told.amount owed_returned.amount
        paid_out_banker.amount paid_out_both.amount paid_out_both.hand paid_out_both.rail paid_out_cash.amount
        paid_out_rail.amount payout_asked.amount payout_asked_again.amount payout_asked_staff.amount
        payout_failed.amount payout_failed_banker.amount payout_resent.amount payout_returned.amount
        payout_returned_banker.amount payout_sending.amount presumed.amount received.amount received_already.amount
        received_told.amount waits_draw.amount waits_payout.amount your_draw_short.now
        your_share.amount""",
    Of.BACK: """charge_returned.amount charge_returned_part.amount charge_returned_part.kept charged_back.amount
        charged_back_banker.amount refund_done.amount refund_done_banker.amount refund_failed.amount
        refund_started.amount""",
    Of.THROWN: "complete.thrown statement_mine.thrown",
    Of.DRAWN: "complete.drawn statement_mine.drawn",
    Of.BOOK_IN: "statement_book.thrown statement_book_less.thrown",
    Of.BOOK_OUT: "statement_book.drawn statement_book_less.drawn",
    Of.BOOK: "statement_book.held statement_book_less.owed",
}
FIGURES: Mapping[str, Of] = {name: of for of, names in _SAID.items() for name in names.split()}
"""What a figure is, by its text and gap."""
TYPED = frozenset({
    "ask_cover_rail.amount", "ask_rail.amount", "cap_too_low.fee", "cap_too_low.most", "cash_too_much.amount",
    "fee_too_high.fee", "lost_amount.amount", "more_than_left.amount", "other_currency.amount", "throw_odd.amount",
})  # fmt: skip
"""Amounts that a person typed a moment ago, said back to them."""
UNBOOKED = frozenset({
    "balance_ended.amount", "end_owed.amount", "end_owes.amount", "ended_get.amount", "ended_owe.amount",
    "ended_told.drawn", "ended_told.thrown",
    "case_cash.amount", "case_draw.amount", "waits_frozen.amount", "cash_too_much.most", "on_its_way.there",
    "rail_short.amount", "wrong_currency.amount", "wrong_currency.asked",
})  # fmt: skip
"""A limit of the law, what a carrier lacks, money that no circle's books hold yet, what an early end comes to, and what
a dispute is over, whose lines are not its panel's to read."""


def origins(said: Say, reader: str) -> Iterator[tuple[Money, Origin]]:
    """Yield each figure of money in something said, with its origin: the reader's own, where nobody else's is said."""
    texts = (*said.texts, *([said.drawn.alt] if said.drawn else ()))
    around = {"of": next((f for t in texts for f in t.figures.values() if isinstance(f, Money) and f.stem), "")}
    for text in texts:
        yield from _in_text(text, around, reader)


def _in_text(text: Text, around: Mapping[str, Figure], reader: str) -> Iterator[tuple[Money, Origin]]:
    beside = {**around, **text.figures}
    for gap, figure in text.figures.items():
        match figure:
            case Money() if (of := FIGURES.get(f"{text.name}.{gap}")) and (stem := figure.stem or _agreed(of, beside)):
                number = 0 if of in BY_REF | AGREED else stem.round or _round(beside)
                ref = (stem.ref or _ref(beside)) if of in BY_REF else ""
                yield figure, Origin(of, stem.circle, stem.whose or reader, number, ref)
            case Text():
                yield from _in_text(figure, beside, reader)
            case tuple():
                for part in _texts(figure):
                    yield from _in_text(part, beside, reader)


def _agreed(of: Of, beside: Mapping[str, Figure]) -> Stem | None:
    """Return the circle that agreed on terms which know none: that of the other figures said with them."""
    other = beside["of"]
    return other.stem if of in AGREED and isinstance(other, Money) else None


def _texts(figures: Iterable[Text | str]) -> Iterator[Text]:
    return (figure for figure in figures if isinstance(figure, Text))


def _round(beside: Mapping[str, Figure]) -> int:
    number = beside.get("round")
    return number if isinstance(number, int) else 0


def _ref(beside: Mapping[str, Figure]) -> str:
    """Return the receipt or payout that is named beside a figure; a line of the staff's queue is neither."""
    named = (beside.get(gap) for gap in ("receipt", "ref"))
    return next((ref for ref in named if isinstance(ref, str) and ref[:2] in {"R-", "P-"}), "")
