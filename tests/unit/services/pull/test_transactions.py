"""Transactions as the gateway has them, asked for by their id."""

from __future__ import annotations

from decimal import Decimal

import pytest

from django_dinero.exceptions import (
    InvalidTransactionError,
)
from django_dinero.models import Transaction
from tests.support.recording import (
    RecordingGateway,
)

pytestmark = pytest.mark.django_db


def test_retrieve_brings_the_row_up_to_date(settled: Transaction) -> None:
    row = Transaction.retrieve(settled.transaction_id or "")
    assert (row, row.status) == (settled, "settled")
    assert row.price == Decimal(50)


def test_retrieve_of_an_unknown_id_is_told(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidTransactionError):
        Transaction.retrieve("999999999")
