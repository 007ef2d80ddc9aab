"""Ledger rows: an instance changes none of the money, and deletes nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from django_dinero.exceptions import InvalidInput
from django_dinero.models import Transaction
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.testing.factories import TransactionFactory

pytestmark = pytest.mark.django_db

FULL = Decimal("12.50")


@pytest.mark.parametrize(
    "only", [None, ["price"], ["status", "owner"], ["order_reference", "kind"]]
)
def test_a_stored_row_is_not_changed(only: list[str] | None) -> None:
    row = TransactionFactory()
    row.price, row.status = Decimal(999), TransactionStatus.VOIDED
    with pytest.raises(InvalidInput, match=r"not changed.*owner, order_reference, description"):
        row.save(update_fields=only)
    row.refresh_from_db()
    assert (row.price, row.status) == (FULL, "approved")


def test_what_is_no_money_may_be_saved() -> None:
    row = TransactionFactory()
    row.owner = get_user_model().objects.create(username="ann")
    row.order_reference, row.price = "1042", Decimal(999)
    row.save(update_fields=["owner", "order_reference"])
    row.refresh_from_db()
    assert row.owner is not None
    assert (row.owner.get_username(), row.order_reference, row.price) == ("ann", "1042", FULL)


def test_a_stored_row_is_not_deleted() -> None:
    row = TransactionFactory()
    with pytest.raises(InvalidInput, match="not deleted") as caught:
        row.delete()
    assert Transaction.objects.get() == row
    assert caught.value.user_message == "This could not be done."


def test_a_new_instance_overwrites_no_row() -> None:
    row = TransactionFactory()
    other = TransactionFactory.build(pk=row.pk, card=None, transaction_id="other", price=999)
    with pytest.raises(IntegrityError), transaction.atomic():
        other.save()
    row.refresh_from_db()
    assert row.price == FULL
