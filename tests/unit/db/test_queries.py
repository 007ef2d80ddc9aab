"""Queries for one row."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.db.queries import only_row
from django_dinero.models import Transaction
from django_dinero.testing.factories import TransactionFactory

pytestmark = pytest.mark.django_db


def test_the_row_that_a_unique_condition_finds() -> None:
    row, _other = TransactionFactory(), TransactionFactory()
    assert only_row(Transaction.objects.filter(public_id=row.public_id)) == row


def test_there_may_be_none() -> None:
    assert only_row(Transaction.objects.filter(pk=1)) is None


def test_one_row_is_not_sorted() -> None:
    with CaptureQueriesContext(connection) as context:
        only_row(Transaction.objects.filter(pk=1))
    (query,) = context.captured_queries
    assert "ORDER BY" not in query["sql"]
