"""What is no card number is taken for none: telephone numbers, order numbers, ids."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero.models import CreditCard, Operation
from tests.integration.api.calling import Caller, json_of
from tests.support.digits import grouped, with_check_digit
from tests.support.recording import RecordingGateway

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

NUMBER = "4111111111111111"
MOBILE = with_check_digit("491511234567")
ORDER = with_check_digit("402600012345")
UUID = "7e966520-6587-4370-9904-00b97fd029b8"
GOOD = {"number": "4222222222222", "month": "12", "year": "2060"}


@pytest.fixture
def root(gateway: RecordingGateway, admin_user: Any) -> Caller:
    return Caller(admin_user)


@pytest.mark.parametrize("phone", [f"+{MOBILE}", MOBILE, int(MOBILE)])
def test_a_telephone_number(root: Caller, phone: str | int) -> None:
    body = {"email": "a@example.com", "phone": phone, **GOOD}
    json_of(root.post("customers/", body), 201)
    assert CreditCard.objects.get().phone == str(phone)


@pytest.mark.parametrize("order", [ORDER, int(ORDER), "A-" + NUMBER, UUID])
@pytest.mark.parametrize("key", [UUID, ORDER, NUMBER])
def test_an_order_and_a_key(root: Caller, card: CreditCard, order: str | int, key: str) -> None:
    body = {"price": "1.00", "order_reference": order}
    shown = json_of(root.post(f"cards/{card.public_id}/charge/", body, key=key), 201)
    assert shown["order_reference"] == str(order)
    assert Operation.objects.get(kind="charge").idempotency_key == key


@pytest.mark.parametrize("name", ["order_reference", "description"])
@pytest.mark.parametrize(
    "typed",
    [
        *(NUMBER, int(NUMBER), f"card {NUMBER}", "(4111)(1111)(1111)(1111)"),
        *(grouped(NUMBER, each) for each in (".", ":", "'", "=", "+", "    ", "&nbsp;")),
    ],
)
def test_a_card_number_is_refused(
    root: Caller, card: CreditCard, name: str, typed: str | int
) -> None:
    body = {"price": "1.00", name: typed}
    shown = json_of(root.post(f"cards/{card.public_id}/charge/", body), 400)
    assert shown["errors"] == {
        name: ["This looks like a card number; it belongs in the number field only."]
    }


@pytest.mark.parametrize(
    ("typed", "said"),
    [(1234567890.25, "Not a valid string."), ("x" * 4001, "At most 4000 characters.")],
)
def test_what_is_neither(root: Caller, card: CreditCard, typed: Any, said: str) -> None:
    body = {"price": "1.00", "description": typed}
    shown = json_of(root.post(f"cards/{card.public_id}/charge/", body), 400)
    assert shown["errors"] == {"description": [said]}
