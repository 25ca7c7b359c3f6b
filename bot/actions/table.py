"""Which function does which command: the one list that the desk dispatches by."""

from collections.abc import Callable, Mapping
from typing import Any

from bot.actions import (
    approving,
    cash,
    founding,
    holding,
    joining,
    paying,
    people,
    receiving,
    roster,
    rounds,
    starting,
    throws,
)
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
    c.NewCircle: founding.new_circle,
    c.Invite: founding.invite,
    c.LookAtTerms: joining.look_at_terms,
    c.Agree: joining.agree,
    c.Approve: joining.approve,
    c.Arrange: starting.arrange,
    c.SetTerms: founding.set_terms,
    c.AskToLock: starting.ask_to_lock,
    c.Lock: starting.lock,
    c.AskToBegin: starting.ask_to_begin,
    c.Begin: starting.begin,
    c.Close: founding.close,
    c.Suspend: starting.suspend,
    c.Resume: starting.resume,
    c.Roster: roster.roster,
    c.BeginThrow: throws.begin_throw,
    c.RecordCash: cash.record_cash,
    c.Confirm: cash.confirm,
    c.Deny: cash.deny,
    c.LinkReady: throws.link_ready,
    c.Collected: throws.collected,
    c.CollectFailed: throws.collect_failed,
    c.CashSilence: cash.cash_silence,
    c.PayOut: paying.pay_out,
    c.ApprovePayout: approving.approve_payout,
    c.Disbursed: receiving.disbursed,
    c.DisburseFailed: receiving.disburse_failed,
    c.Received: receiving.received,
    c.NotReceived: receiving.not_received,
    c.ApprovalSilence: approving.approval_silence,
    c.ReceiptSilence: receiving.receipt_silence,
    c.HeldReminder: holding.held_reminder,
    c.CutOff: rounds.cut_off,
    c.CloseRound: rounds.close_round,
    c.PayDay: rounds.pay_day,
    c.EndCircle: rounds.end_circle,
    c.Remind: rounds.remind,
    c.Digest: rounds.digest,
}
