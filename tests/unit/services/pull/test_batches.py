"""Mirroring holds one batch at a time, however large the account is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_dinero.gateways.types import RemoteCustomer
from django_dinero.models import Customer
from django_dinero.services.pull import customers

pytestmark = pytest.mark.django_db


def test_a_batch_is_written_before_the_next_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customers, "BATCH", 3)
    ahead: list[int] = []

    def account() -> Iterator[RemoteCustomer]:
        for number in range(10):
            ahead.append(number - Customer.objects.count())
            yield RemoteCustomer(customer_id=f"c{number}", email=f"c{number}@example.com")

    assert customers.write_customers("default", account()) == 10
    assert ahead == [0, 1, 2] * 3 + [0]
