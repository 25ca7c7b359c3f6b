"""What the settings say of one bank or wallet. Holds no key and no secret that prints; opens no connection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.payments import WALLETS

_NAMES: Final[Mapping[str, str]] = {
    "ncb": "National Commercial Bank (NCB)",
    "scotia": "Scotiabank",
    "lynk": "LYNK",
}


@dataclass(frozen=True, slots=True)
class TransferRail:
    """One bank or wallet. It takes money by instruction with an account, or through an API; it pays out with either."""

    carrier: str
    account: str = ""
    handle: str = ""
    """LYNK alone: the business's name there."""
    holder: str = ""
    branch: str = ""
    bic: str = ""
    api_url: str = ""
    has_api: bool = False
    hook_secrets: tuple[str, ...] = field(default=(), repr=False)
    """Any of them may have signed a call to `/hooks/{carrier}`."""

    @property
    def on(self) -> bool:
        """Whether money moves on it at all."""
        return bool(self.account or self.handle or self.has_api)

    @property
    def labelled(self) -> tuple[tuple[str, str], ...]:
        """What a member copies, each line after the key of what it is; the number is last. Empty without an account."""
        if not (self.account or self.handle):
            return ()
        wallet = self.carrier in WALLETS
        lines = (
            ("name", self.holder),
            ("wallet" if wallet else "bank", _NAMES[self.carrier]),
            ("branch", self.branch),
            ("handle", self.handle),
            ("lynk" if wallet else "account", self.account),
        )
        return tuple((label, value) for label, value in lines if value)

    @property
    def lines(self) -> tuple[str, ...]:
        """What a member copies, without the labels."""
        return tuple(value for _, value in self.labelled)
