"""Which cards are said to be due: those whose last day is about now."""

from __future__ import annotations

from datetime import date

import pytest

from django_dinero.models import CreditCard, due
from django_dinero.testing.factories import CreditCardFactory

pytestmark = pytest.mark.django_db

#: Sixty days before it is 31 July, sixty days after it 28 November.
TODAY = date(2026, 9, 29)


@pytest.mark.parametrize(
    ("year", "month", "expected"),
    [
        *((2025, 12, False), (2026, 6, False), (2026, 7, True), (2026, 9, True)),
        *((2026, 10, True), (2026, 11, False), (2027, 1, False), (None, None, False)),
    ],
)
def test_cards_that_expire_soon_or_did_lately(
    year: int | None, month: int | None, expected: bool
) -> None:
    CreditCardFactory(year=year, month=month)
    assert CreditCard.objects.filter(due.expiring_about_now(TODAY)).exists() is expected
