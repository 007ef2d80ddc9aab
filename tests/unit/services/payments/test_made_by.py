"""Who asked for what stands with the operation; an owner is not named there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_dinero.exceptions import InvalidInput
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.payments.timeline import made_by
from django_dinero.services.vault.erasure import erase
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

VERBS = {
    "charge": lambda customer, by: customer.charge("5.00", by=by),
    "authorize": lambda customer, by: customer.charge("5.00", by=by, settle=False),
    "capture": lambda customer, by: customer.charge("5.00", settle=False).capture(by=by),
    "void": lambda customer, by: customer.charge("5.00").void(by=by),
    "refund": lambda customer, by: customer.charge("5.00").refund(by=by),
}


def operation_of(row: Transaction) -> Operation:
    return Operation.objects.get(key=row.operation_key)


@pytest.fixture
def anna() -> Any:
    """Somebody of the staff."""
    return get_user_model().objects.create(username="anna")


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_keeps_who_asked_for_it(customer: Customer, anna: Any, verb: str) -> None:
    operation = operation_of(VERBS[verb](customer, anna))
    anna.delete()
    assert operation.made_by == "anna"
    assert made_by(operation) == "anna"


@pytest.mark.parametrize(
    ("verb", "kind"), [("approve", "approve_held"), ("decline", "decline_held")]
)
def test_a_decision_keeps_it_too(held: Transaction, anna: Any, verb: str, kind: str) -> None:
    getattr(held, verb)(by=anna)
    assert Operation.objects.get(kind=kind).made_by == "anna"


def test_a_name_will_do_and_nobody_too(customer: Customer) -> None:
    assert operation_of(customer.charge("5.00", by="nightly dunning")).made_by == "nightly dunning"
    assert operation_of(customer.charge("6.00")).made_by == ""


@pytest.mark.parametrize(
    "by", [17, "x" * 151, "4111 1111 1111 1111", "a\x00b", get_user_model()(username="new")]
)
def test_who_is_neither_a_user_nor_a_name_is_refused(
    customer: Customer, gateway: RecordingGateway, by: Any
) -> None:
    paid = customer.charge("5.00")
    mark = gateway.mark
    verbs: list[Callable[[], Any]] = [
        lambda: customer.charge("6.00", by=by),
        lambda: paid.void(by=by),
    ]
    for verb in verbs:
        with pytest.raises(InvalidInput) as caught:
            verb()
        assert list(caught.value.errors) == ["by"]
        assert "4111" not in str(caught.value)
    assert gateway.since(mark) == []


def test_who_asks_again_changes_nothing(customer: Customer, anna: Any) -> None:
    first = customer.charge("5.00", by=anna, idempotency_key="k-1")
    again = customer.charge("5.00", by="berta", idempotency_key="k-1")
    assert again.is_replay
    assert operation_of(first).made_by == "anna"


@pytest.mark.parametrize("place", ["user", "e-mail"])
def test_an_owner_is_not_named_and_stays_unnamed_when_erased(
    gateway: RecordingGateway, make_customer: Callable[..., Customer], place: str
) -> None:
    owner = get_user_model().objects.create(username="bill")
    customer = make_customer(owner=owner, email="Bill@Example.com")
    row = customer.charge("5.00", by=owner if place == "user" else "bill@example.COM")
    operation = operation_of(row)
    assert operation.made_by == ""
    assert made_by(operation, row) == "bill"
    erase(customer)
    row.refresh_from_db()
    operation.refresh_from_db()
    assert made_by(operation, row) == "the owner"


def test_staff_stay_when_a_customer_is_erased(customer: Customer, anna: Any) -> None:
    row = customer.charge("5.00", by=anna)
    erase(customer)
    assert operation_of(row).made_by == "anna"


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("admin:7", "anna, in the admin"),
        ("user:7", "anna, through the API"),
        ("shop", "anna"),
        ("", "anna"),
    ],
)
def test_where_it_was_asked_for(customer: Customer, scope: str, words: str) -> None:
    row = customer.charge("5.00", by="anna", scope=scope, idempotency_key="k-1")
    assert made_by(operation_of(row)) == words
    assert made_by(None) == ""
