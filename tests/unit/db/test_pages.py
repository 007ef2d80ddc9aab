from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from django_dinero.db import pages as db_pages
from django_dinero.db.pages import key_pages, key_pages_by_time, paged, pages
from django_dinero.models import Customer
from django_dinero.testing.factories import CustomerFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def keys() -> list[int]:
    return [CustomerFactory().pk for _number in range(5)]


def test_pages_have_their_size_and_what_is_added_meanwhile(keys: list[int]) -> None:
    walk = pages(Customer.objects.all(), 2)
    assert [row.pk for row in next(walk)] == keys[:2]
    new = CustomerFactory().pk
    assert [[row.pk for row in page] for page in walk] == [keys[2:4], [keys[4], new]]


def test_rows_and_keys_come_in_order(keys: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db_pages, "PAGE", 2)
    assert [row.pk for row in paged(Customer.objects.order_by("-pk"))] == keys
    assert list(key_pages(Customer.objects.all(), 2)) == [keys[:2], keys[2:4], keys[4:]]
    assert list(pages(Customer.objects.none())) == []


def test_by_time_each_row_comes_once_though_many_have_the_same_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(db_pages, "KEYS_BY_TIME", 2)
    made = [CustomerFactory(first_name="Ada").pk for _number in range(7)]
    for pk, hours in zip(made, (3, 1, 1, 1, 2, 3, 0), strict=True):
        Customer.objects.filter(pk=pk).update(created_at=NOON + timedelta(hours=hours))
    found = []
    for pks in key_pages_by_time(Customer.objects.filter(first_name="Ada")):
        assert len(pks) <= 2
        found += pks
        Customer.objects.filter(pk__in=pks).update(first_name="Grace")
    assert found == [made[place] for place in (6, 1, 2, 3, 4, 0, 5)]
