"""A pardna as a child would keep it with beans: what each member owes, has in credit, and what a draw leaves.

It knows the rules (docs/rules.md) and nothing of the service: one hand a member, turn by turn as they stand in the
list, weekly, no holidays. Amounts are minor units.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from domain.schedule import JAMAICA

GRACE = timedelta(days=3)
WEEK = timedelta(days=7)


@dataclass
class Beans:
    """The beans of one circle. `left[who][round]`: still to throw; `own[receipt]`: where a payment's beans went."""

    names: list[str]
    throw: int
    fee: int
    first: date
    opened: int = 0
    left: dict[str, dict[int, int]] = field(default_factory=dict)
    credit: dict[str, int] = field(default_factory=dict)
    thrown: dict[str, int] = field(default_factory=dict)
    offset: dict[str, int] = field(default_factory=dict)
    own: dict[str, tuple[str, dict[int, int], int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            self.left[name], self.credit[name], self.thrown[name], self.offset[name] = {}, 0, 0, 0

    @property
    def gross(self) -> int:
        """The whole pot (rule 8)."""
        return self.throw * len(self.names)

    def due(self, number: int) -> date:
        """Each date comes from the first (rule 17)."""
        return self.first + WEEK * (number - 1)

    def pass_to(self, now: datetime) -> None:
        """A round opens when the due day of the one before is over (rule 20); credit pays it first (rule 22)."""
        today = now.astimezone(JAMAICA).date()
        while self.opened < len(self.names) and (not self.opened or today > self.due(self.opened)):
            self.opened += 1
            for name in self.names:
                self.left[name][self.opened] = self.throw
                _, self.credit[name] = self._spread(name, self.credit[name])

    def is_missed(self, number: int, now: datetime) -> bool:
        """Grace is over (rules 19, 21)."""
        return now.astimezone(JAMAICA).date() > self.due(number) + GRACE

    def pay(self, receipt: str, name: str, amount: int) -> None:
        """The oldest first; what is left is credit (rule 22)."""
        went, over = self._spread(name, amount)
        self.credit[name] += over
        self.thrown[name] += amount
        self.own[receipt] = (name, went, over)

    def take_back(self, receipt: str) -> None:
        """A throw that never was (rules 24, 26): its own beans, and for credit that is spent the latest rounds'."""
        name, went, over = self.own.pop(receipt)
        for number, part in went.items():
            self.left[name][number] += part
        spent = max(over - self.credit[name], 0)
        self.credit[name] -= over - spent
        for number in sorted(self.left[name], reverse=True):
            part = min(spent, self.throw - self.left[name][number]) if number not in went else 0
            self.left[name][number] += part
            spent -= part
        assert not spent, "what nobody has cannot be taken back"
        self.thrown[name] -= sum(went.values()) + over

    def draw(self, name: str, number: int, now: datetime, pot: int) -> tuple[int, int, int]:
        """What comes off a draw: own throw, arrears (as far as the pot has money for them), and what is left (30)."""
        rest = self.gross - self.fee
        own = min(rest, self.left[name][number])
        owing = [n for n in sorted(self.left[name]) if n != number and self.is_missed(n, now)]
        arrears = min(rest - own, pot, sum(self.left[name][n] for n in owing))
        self.left[name][number] -= own
        more = arrears
        for n in owing:
            part = min(more, self.left[name][n])
            self.left[name][n] -= part
            more -= part
        self.offset[name] += own + arrears
        return own, arrears, rest - own - arrears

    def _spread(self, name: str, amount: int) -> tuple[dict[int, int], int]:
        went = {}
        for number in sorted(self.left[name]):
            if part := min(amount, self.left[name][number]):
                self.left[name][number] -= part
                went[number] = part
                amount -= part
        return went, amount
