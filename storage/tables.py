"""Which row of the domain lives in which table (the columns are its fields; see storage/codec.py)."""

from domain.arrears import Plan, Waiver
from domain.chain import ToldMark
from domain.disputes import Dispute, Judge
from domain.documents import Document
from domain.enclosures import Enclosure
from domain.exchange import Rate
from domain.lottery import Lottery, Word
from domain.pardna import Circle, Draw, Due, Hand, Member, Round
from domain.payments import Chargeback, Payment, Payout, Refund
from domain.people import Address, Consent, Destination, Freeze, LinkCode, Person, Ticket, Trn
from domain.pins import Pin, StepUp
from domain.proposals import Ballot, Proposal
from domain.scores import Mark
from domain.sms import SimPhone
from storage.codec import Table

PERSON = Table("person", Person, ("id",))
ADDRESS = Table("address", Address, ("party",), fixed=("person_id",))
CONSENT = Table("consent", Consent, ("person_id", "kind", "version"))
TRN = Table("trn", Trn, ("person_id",))
DESTINATION = Table("destination", Destination, ("person_id",))
LINK_CODE = Table("link_code", LinkCode, ("party", "person_id"))
PIN = Table("pin", Pin, ("person_id",))
STEP_UP = Table("step_up", StepUp, ("party",))
FREEZE = Table("payout_freeze", Freeze, ("person_id",))
CIRCLE = Table("circle", Circle, ("code",))
MEMBER = Table("member", Member, ("circle", "person_id"))
HAND = Table("hand", Hand, ("circle", "number"))
ROUND = Table("round", Round, ("circle", "number"))
LOTTERY = Table("lottery", Lottery, ("circle",))
WORD = Table("lottery_word", Word, ("circle", "person_id"))
THROW_MARK = Table("throw_mark", Mark, ("circle", "round", "person_id"))
TOLD_MARK = Table("told_mark", ToldMark, ("circle", "person_id", "lines", "mark"))
PROPOSAL = Table("proposal", Proposal, ("ref",), fixed=("circle", "opened_at"))
BALLOT = Table("ballot", Ballot, ("ref", "person_id"))
DUE = Table("due", Due, ("circle", "round", "hand"))
WAIVER = Table("waiver", Waiver, ("id",))
PLAN = Table("plan", Plan, ("circle", "person_id"))
PAYMENT = Table("payment", Payment, ("receipt",))
DRAW = Table("draw", Draw, ("circle", "round", "hand"))
PAYOUT = Table("payout", Payout, ("id",))
REFUND = Table("refund", Refund, ("id",))
CHARGEBACK = Table("chargeback", Chargeback, ("id",))
RATE = Table("rate", Rate, ("id",))
TICKET = Table("ticket", Ticket, ("id",))
DISPUTE = Table("dispute", Dispute, ("id",))
JUDGE = Table("dispute_judge", Judge, ("dispute_id", "person_id"))
ENCLOSURE = Table("enclosure", Enclosure, ("id",))
DOCUMENT = Table("document", Document, ("id",))
SIM_PHONE = Table("sim_phone", SimPhone, ("name",))

IN_ORDER = (
    PERSON, ADDRESS, CONSENT, TRN, DESTINATION, LINK_CODE, PIN, STEP_UP, FREEZE, CIRCLE, MEMBER, HAND, LOTTERY, WORD,
    PROPOSAL, BALLOT, ROUND, THROW_MARK, TOLD_MARK, DUE, WAIVER, PLAN, PAYMENT, DRAW, PAYOUT, REFUND, CHARGEBACK,
    RATE, TICKET, DISPUTE, JUDGE, ENCLOSURE, DOCUMENT, SIM_PHONE,
)  # fmt: skip
"""Parents before children, so that a batch may be written table by table."""
BY_ROW = {table.row: table for table in IN_ORDER}
OF_A_CIRCLE = (MEMBER, HAND, LOTTERY, WORD, PROPOSAL, BALLOT, ROUND, DUE, WAIVER, PLAN, DRAW, DISPUTE, JUDGE)
"""Loaded whole with their circle; payments and payouts only while they are open."""
