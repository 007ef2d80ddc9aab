"""Bad input: all wrong fields in one error, nothing sent, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_dinero.exceptions import (
    CVVError,
    ExpiryError,
    InvalidCardError,
    InvalidInput,
    OperationInProgress,
)
from django_dinero.models import CreditCard, Customer, Operation
from tests.support.journaling import begin
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]
FUTURE = "2999-01-01T00:00:00Z"
GOOD, BAD = "4111111111111111", "4111111111111112"


@pytest.fixture
def strict(gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch) -> RecordingGateway:
    """A gateway that demands and limits as Authorize.Net does."""
    monkeypatch.setattr(type(gateway), "required_card_fields", ("month", "year"))
    monkeypatch.setattr(type(gateway), "max_lengths", {"city": 40, "first_name": 50, "email": 60})
    return gateway


@pytest.mark.parametrize(
    ("given", "fields", "error"),
    [
        (
            {"email": "nobody", "number": BAD, "month": 13, "year": 2040, "cvv": "1"},
            {"email", "number", "month", "cvv"},
            InvalidCardError,
        ),
        ({"number": BAD}, {"number", "month", "year"}, InvalidCardError),
        ({"number": GOOD, "city": "x" * 41}, {"month", "year", "city"}, ExpiryError),
        (
            {"number": GOOD, "month": 1, "year": 2040, "cvv": "12345", "address": "x" * 256},
            {"cvv", "address"},
            CVVError,
        ),
        ({"token": "tok", "city": "x" * 41, "first_name": "x" * 151}, {"city", "first_name"}, None),
        ({"email": "", "address": "1 Elm St"}, {"email", "number"}, InvalidCardError),
        ({"email": f"{'x' * 60}@example.com", "first_name": "\x00"}, {"email", "first_name"}, None),
        ({"month": "1"}, {"number", "year"}, InvalidCardError),
    ],
)
def test_a_customer_with_many_faults_has_one_error(
    strict: RecordingGateway,
    given: dict[str, Any],
    fields: set[str],
    error: type[Exception] | None,
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Customer.create(**{"email": "bill@example.com", **given})
    assert set(caught.value.errors) == fields
    assert error is None or isinstance(caught.value, error)
    assert caught.value.__context__ is None
    assert strict.calls == []
    assert (Customer.objects.count(), Operation.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"number": BAD, "zip": "z" * 33}, {"number", "month", "year", "zip"}),
        ({"number": GOOD, "month": 1, "year": 2020, "city": "x" * 41}, {"year", "city"}),
        ({"first_name": "4111 1111 1111 1111"}, {"number", "month", "year", "first_name"}),
    ],
)
def test_a_card_with_many_faults_has_one_error(
    strict: RecordingGateway, given: dict[str, Any], fields: set[str]
) -> None:
    customer = Customer.create("bill@example.com")
    mark, operations = strict.mark, Operation.objects.count()
    with pytest.raises(InvalidCardError if "number" in fields else ExpiryError) as caught:
        customer.add_card(**given)
    assert set(caught.value.errors) == fields  # type: ignore[attr-defined]
    assert strict.since(mark) == []
    assert (CreditCard.objects.count(), Operation.objects.count()) == (0, operations)


def test_an_edit_with_many_faults_has_one_error_and_keeps_what_was_typed(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    row.month, row.zip = 13, "z" * 33
    with pytest.raises(ExpiryError) as caught:
        row.save()
    assert set(caught.value.errors) == {"month", "zip"}  # type: ignore[attr-defined]
    assert (row.month, row.year) == (13, 2030)
    row.number = BAD
    with pytest.raises(InvalidCardError) as again:
        row.save()
    assert set(again.value.errors) == {"month", "zip", "number"}  # type: ignore[attr-defined]
    row.number = None
    row.save(update_fields=["city"])
    assert CreditCard.objects.get().month == 12


def test_an_owner_that_is_not_saved_is_refused_before_anything_is_sent(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Customer.create("bill@example.com", owner=get_user_model()(username="bill"), **card)
    assert set(caught.value.errors) == {"owner"}
    assert gateway.calls == []


def test_a_card_of_a_customer_that_is_not_saved_is_refused(gateway: RecordingGateway) -> None:
    with pytest.raises(InvalidInput) as caught:
        Customer(email="bill@example.com").add_card(number=GOOD)
    assert set(caught.value.errors) == {"customer"}
    assert gateway.calls == []


def test_no_card_is_added_while_another_worker_creates_the_customer(
    gateway: RecordingGateway,
) -> None:
    customer = Customer(email="bill@example.com")
    Customer.objects.bulk_create([customer])
    holder = begin(gateway, lock_name=customer.lock_name)
    Operation.objects.filter(pk=holder.pk).update(
        kind="create_customer", state="sent", lease_until=FUTURE
    )
    with pytest.raises(OperationInProgress):
        customer.add_card(number=GOOD)
    assert gateway.calls == []


def test_a_new_number_is_written_whatever_was_asked_to_be_saved(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    row.number, row.month, row.year, row.city = "4007000000027", 1, 2040, "Springfield"
    row.save(update_fields=["month"])
    row.refresh_from_db()
    assert (row.last_4, row.month, row.year, row.city) == ("0027", 1, 2040, "Springfield")
    assert (row.sync_state, row.version, row.synced_version) == ("synced", 2, 2)


def test_a_date_that_a_mirror_wrote_is_not_judged(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    CreditCard.objects.update_without_push(month=1, year=2020)
    row.refresh_from_db()
    row.zip = "99999"
    row.save()
    row.year = 2021
    row.refresh_from_db(fields=["zip"])
    with pytest.raises(ExpiryError):
        row.save()
