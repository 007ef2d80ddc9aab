"""Where payments stand: written by compare-and-set, told once, after the commit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from django_dinero import signals
from django_dinero.enums import RemoteStatus
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.services import ledger
from django_dinero.services.ledger import RemoteStanding
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 5, 4, 3, tzinfo=UTC)
SETTLED = RemoteStanding(TransactionStatus.SETTLED, NIGHT, "77")


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The kinds of the rows that receivers of ``settled`` hear of."""
    heard: list[str] = []

    def receive(sender: Any, transaction: Transaction, **kwargs: Any) -> None:
        heard.append(transaction.kind)

    signals.settled.connect(receive)
    yield heard
    signals.settled.disconnect(receive)


def test_many_are_written_at_once_but_not_over_somebody_else(
    gateway: RecordingGateway, customer: Customer, told: list[str]
) -> None:
    mine, taken = (Transaction.create(amount, customer=customer) for amount in (1, 2))
    Transaction.objects.filter(pk=taken.pk).update(status="voided")
    lost = ledger.write_standings([(mine, SETTLED), (taken, SETTLED)])
    assert (lost, told) == ([taken], ["charge"])
    assert (mine.status, mine.settled_at, mine.batch_id) == ("settled", NIGHT, "77")
    assert Transaction.objects.get(pk=mine.pk).batch_id == "77"
    assert Transaction.objects.get(pk=taken.pk).status == "voided"


def test_what_stands_so_already_is_not_written_or_told(
    charge: Transaction, told: list[str], django_assert_num_queries: Any
) -> None:
    ledger.write_standing(charge, SETTLED)
    with django_assert_num_queries(0):
        assert ledger.write_standings([(charge, SETTLED)]) == []
        assert ledger.write_standing(charge, RemoteStanding(TransactionStatus.SETTLED))
    assert told == ["charge"]


def test_a_batch_that_is_known_later_is_added_and_not_told(
    charge: Transaction, told: list[str]
) -> None:
    assert ledger.write_standing(charge, RemoteStanding(TransactionStatus.SETTLED))
    assert ledger.write_standing(charge, SETTLED)
    charge.refresh_from_db()
    assert (charge.batch_id, told) == ("77", ["charge"])


def test_nothing_is_told_of_what_was_rolled_back(charge: Transaction, told: list[str]) -> None:
    with transaction.atomic():
        ledger.write_standing(charge, SETTLED)
        ledger.write_standings([(charge, RemoteStanding(TransactionStatus.CHARGED_BACK))])
        transaction.set_rollback(True)
    assert told == []
    charge.refresh_from_db()
    assert charge.status == "approved"


def test_a_capture_that_was_read_as_settled_is_told_once(
    gateway: RecordingGateway, authorization: Transaction, told: list[str]
) -> None:
    gateway.bank.capture(authorization.transaction_id or "")
    gateway.bank.settle_batch()
    authorization.refresh_from_gateway()
    authorization.refresh_from_gateway()
    assert told == ["capture"]


def test_a_row_that_is_born_settled_is_told(
    gateway: RecordingGateway, customer: Customer, told: list[str]
) -> None:
    charge = Transaction.create(5, customer=customer)
    gateway.bank.settle_batch()
    Transaction.objects.all().delete()
    Operation.objects.filter(key=charge.operation_key).update(state="unknown", outcome={})
    Operation.objects.get(key=charge.operation_key).look_up()
    row = Transaction.objects.get()
    assert (row.status, row.batch_id, told) == (
        "settled",
        gateway.bank.batches()[-1].id,
        ["charge"],
    )
    assert row.settled_at == gateway.bank.batches()[-1].settled_at


def test_only_what_has_settled_has_a_batch(gateway: RecordingGateway, charge: Transaction) -> None:
    gateway.bank.void(charge.transaction_id or "")
    gateway.bank.settle_batch()
    remote = gateway.retrieve_transaction(charge.transaction_id or "")
    assert remote.status is RemoteStatus.VOIDED  # type: ignore[union-attr]
    assert RemoteStanding.of(remote).columns == {"status": "voided"}  # type: ignore[arg-type]
