"""Scopes of idempotency keys: two users never share one."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.cards import looks_like_card_number
from django_dinero.exceptions import InvalidInput
from django_dinero.identifiers import user_scope
from django_dinero.models import Operation, Transaction
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

#: Primary keys that pass for card numbers.
NUMBERS = ("4539578763621486", "5555555555554444")


def test_a_scope_that_passes_for_a_card_number_is_refused_and_not_told(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    for number in NUMBERS:
        with pytest.raises(InvalidInput) as caught:
            Transaction.create(5, idempotency_key="1", scope=f"user:{number}", **card)
        assert set(caught.value.errors) == {"scope"}
        assert number not in str(caught.value)
    assert not Operation.objects.exists()


def test_our_own_scopes_pass_for_none_and_keep_users_apart(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    scopes = [user_scope("user", number) for number in NUMBERS]
    assert not any(looks_like_card_number(scope) for scope in scopes)
    rows = [Transaction.create(5, idempotency_key="1", scope=s, **card) for s in scopes]
    assert rows[0] != rows[1]
    assert gateway.verbs == ["charge", "charge"]


@pytest.mark.parametrize(
    ("pk", "scope"), [(7, "user:7"), ("c0ffee", "user:c0ffee"), (10**12, "user:1000_0000_0000_0")]
)
def test_the_scope_of_a_user(pk: object, scope: str) -> None:
    assert user_scope("user", pk) == scope
