"""Which function does which command: the one list that the desk dispatches by."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.actions import circles, draws, people, rounds, throws
from bot.actions.turn import Turn
from bot.words.say import Refusal, Say
from domain import commands as c

Action = Callable[[Turn, Any], Say | Refusal | None]

ACTIONS: Mapping[type[c.Command], Action] = {
    c.Onboard: people.onboard,
    c.SetLanguage: people.set_language,
    c.Stop: people.stop,
    c.Start: people.start,
    c.AddressGone: people.address_gone,
    c.StartLink: people.start_link,
    c.FinishLink: people.finish_link,
    c.StateTrn: people.state_trn,
    c.SetDestination: people.set_destination,
    c.OpenTicket: people.open_ticket,
    c.Queue: people.queue,
    c.Kyc: people.kyc,
    c.Case: people.case,
    c.NewCircle: circles.new_circle,
    c.Invite: circles.invite,
    c.LookAtTerms: circles.look_at_terms,
    c.Agree: circles.agree,
    c.Approve: circles.approve,
    c.Arrange: circles.arrange,
    c.SetTerms: circles.set_terms,
    c.AskToLock: circles.ask_to_lock,
    c.Lock: circles.lock,
    c.AskToBegin: circles.ask_to_begin,
    c.Begin: circles.begin,
    c.Close: circles.close,
    c.Suspend: circles.suspend,
    c.Resume: circles.resume,
    c.Roster: circles.roster,
    c.BeginThrow: throws.begin_throw,
    c.RecordCash: throws.record_cash,
    c.Confirm: throws.confirm,
    c.Deny: throws.deny,
    c.LinkReady: throws.link_ready,
    c.Collected: throws.collected,
    c.CollectFailed: throws.collect_failed,
    c.CashSilence: throws.cash_silence,
    c.PayOut: draws.pay_out,
    c.ApprovePayout: draws.approve_payout,
    c.Disbursed: draws.disbursed,
    c.DisburseFailed: draws.disburse_failed,
    c.Received: draws.received,
    c.NotReceived: draws.not_received,
    c.ApprovalSilence: draws.approval_silence,
    c.ReceiptSilence: draws.receipt_silence,
    c.HeldReminder: draws.held_reminder,
    c.CutOff: rounds.cut_off,
    c.CloseRound: rounds.close_round,
    c.PayDay: rounds.pay_day,
    c.Remind: rounds.remind,
    c.Digest: rounds.digest,
}
