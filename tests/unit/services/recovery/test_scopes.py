"""Scopes of idempotency keys: two users never share one."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.exceptions import InvalidInput
from django_dinero.identifiers import user_scope
from django_dinero.models import Operation, Transaction
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

#: Primary keys that pass for card numbers.
NUMBERS = ("4539578763621486", "5555555555554444")


def test_scopes_are_never_taken_for_card_numbers_and_keep_users_apart(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    scopes = [user_scope("user", number) for number in NUMBERS]
    rows = [Transaction.create(5, idempotency_key="1", scope=s, **card) for s in scopes]
    assert rows[0] != rows[1]
    assert gateway.verbs == ["charge", "charge"]
    assert list(Operation.objects.order_by("pk").values_list("scope", flat=True)) == scopes


@pytest.mark.parametrize("scope", ["x" * 101, "a\0b"])
def test_a_scope_that_cannot_be_stored_is_refused(scope: str, card: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Transaction.create(5, idempotency_key="1", scope=scope, **card)
    assert set(caught.value.errors) == {"scope"}


@pytest.mark.parametrize(
    ("pk", "scope"), [(7, "user:7"), ("c0ffee", "user:c0ffee"), (10**12, "user:1000000000000")]
)
def test_the_scope_of_a_user(pk: object, scope: str) -> None:
    assert user_scope("user", pk) == scope
