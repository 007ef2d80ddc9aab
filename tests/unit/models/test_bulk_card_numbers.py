"""Card numbers are refused by the writes that bypass ``save()`` too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import F, Value

from django_dinero.exceptions import InvalidInput
from django_dinero.models import CreditCard, Customer
from tests.support import sinks
from tests.support.digits import with_check_digit
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, customer, make_customer

__all__ = ["card", "customer", "make_customer"]

pytestmark = pytest.mark.django_db

NUMBER = "4111111111111111"
MOBILE = f"+{with_check_digit('491511234567')}"


def bulk_create(row: CreditCard, text: str) -> None:
    copy = CreditCard(customer_id="c9", card_id="k9", customer=row.customer, company=text)
    CreditCard.objects.bulk_create([copy])


def upsert(row: CreditCard, text: str) -> None:
    row.company = text
    unique = None if connection.vendor == "mysql" else ["id"]  # MariaDB takes any unique key
    CreditCard.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=unique, update_fields=["company"]
    )


def bulk_update(row: CreditCard, text: str) -> None:
    row.company = text
    CreditCard.objects.bulk_update([row], ["company"])


def bulk_update_without_push(row: CreditCard, text: str) -> None:
    row.company = text
    CreditCard.objects.all().bulk_update_without_push([row], ["company"])


def update(row: CreditCard, text: str) -> None:
    CreditCard.objects.filter(pk=row.pk).update(company=text)


def update_by_value(row: CreditCard, text: str) -> None:
    CreditCard.objects.filter(pk=row.pk).update(company=Value(text))


def update_without_push(row: CreditCard, text: str) -> None:
    CreditCard.objects.filter(pk=row.pk).update_without_push(company=text)


WAYS: tuple[Callable[[CreditCard, str], None], ...] = (
    *(bulk_create, upsert, bulk_update, bulk_update_without_push),
    *(update, update_by_value, update_without_push),
)


@pytest.fixture
def row(gateway: RecordingGateway, customer: Customer) -> CreditCard:
    """A stored card."""
    return customer.cards[0]


@pytest.mark.parametrize("way", WAYS)
def test_a_card_number_is_refused_and_not_told(
    way: Callable[[CreditCard, str], None], row: CreditCard
) -> None:
    with pytest.raises(InvalidInput) as caught:
        way(row, f"Acme 4111-1111-1111-1111 {NUMBER}")
    assert caught.value.errors == {
        "company": ["This looks like a card number; it belongs in the number field only."]
    }
    assert "1111-1111" not in str(caught.value) + sinks.pickled(caught.value)
    frames = sinks.traceback_with_locals(caught.value, skip=__file__)
    assert sinks.found(frames, [NUMBER]) == []
    assert sinks.found(sinks.every_row(), [NUMBER]) == []


@pytest.mark.parametrize("way", WAYS)
def test_other_texts_are_written(way: Callable[[CreditCard, str], None], row: CreditCard) -> None:
    way(row, "Acme 7e966520-6587-4370-9904-00b97fd029b8")
    assert "Acme 7e966520-6587-4370-9904-00b97fd029b8" in sinks.every_row()


def test_every_pushed_field_is_looked_at(row: CreditCard) -> None:
    for name in ("first_name", "last_name", "address", "city", "state", "zip", "country"):
        with pytest.raises(InvalidInput) as caught:
            CreditCard.objects.update(**{name: NUMBER})
        assert set(caught.value.errors) == {name}
    for name in ("email", "first_name", "last_name"):
        with pytest.raises(InvalidInput) as caught:
            Customer.objects.update(**{name: NUMBER})
        assert set(caught.value.errors) == {name}


def test_expressions_and_numbers_of_another_kind_are_let_through(row: CreditCard) -> None:
    CreditCard.objects.update(company=F("city"), phone=MOBILE)
    row.refresh_from_db()
    assert (row.company, row.phone, row.sync_state) == (row.city, MOBILE, "pending")
