"""A batch to write, and the official schemas to hold it against."""

from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from channels.payout_files.instruction import Batch, Payer, read
from domain.clearing import Method
from domain.money import Currency

SCHEMAS = Path(str(find_spec("sepaxml").origin)).parent / "schemas"  # type: ignore[union-attr]
ORDERS = [
    {"amount": 2_450_000, "currency": "JMD", "payee_name": "Keisha Brown", "bank": "NCB", "branch": "",
     "account": "354201187", "account_kind": "savings", "payout_ref": "P-7K2M"},
    {"amount": 100_000_000, "currency": "JMD", "payee_name": "José Núñez & Sons <Ltd>", "bank": "Scotiabank",
     "branch": "50575", "account": "000812345", "account_kind": "", "payout_ref": "P-9QXA"},
    {"amount": 1, "currency": "JMD", "payee_name": "=cmd|' /C calc'!A0", "bank": "Scotiabank", "branch": "Liguanea",
     "account": "00081-23 46", "account_kind": "chequing", "payout_ref": "P-3HHH"},
]  # fmt: skip


@pytest.fixture(scope="session")
def schemas() -> Path:
    """The folder of the official XSDs, one a version."""
    return SCHEMAS


@pytest.fixture
def batch() -> Batch:
    """Three payouts by ACH."""
    ids = ("P7K2MAAAAAAAAAA", "P9QXABBBBBBBBBB", "P3HHHCCCCCCCCCC")
    lines = [replace(read(o, wallet=False), end_to_end_id=i) for o, i in zip(ORDERS, ids, strict=True)]
    return Batch(
        "NCB-20261124-7K2M9Q",
        datetime(2026, 11, 24, 15, 30, tzinfo=UTC),
        date(2026, 11, 24),
        Method.ACH,
        Currency.JMD,
        Payer("Digital Pardna Ltd", "354200001", "JNCBJMKX"),
        tuple(lines),
    )
