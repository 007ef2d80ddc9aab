"""No cache keeps an answer of the API: not the browser's, and none on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from django_dinero.models import Customer
from tests.integration.api.calling import Caller
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


def test_no_answer_is_kept(
    gateway: RecordingGateway, customer: Customer, staff: Callable[..., Caller], owner: Caller
) -> None:
    clerk = staff("view_customer", "view_transaction", "charge_creditcard")
    one = f"customers/{customer.public_id}/"
    answers = [
        (200, clerk.get("")),
        (200, clerk.get("customers/")),
        (200, clerk.get(one)),
        (201, clerk.post(f"{one}charge/", {"price": "5.00"})),
        (400, clerk.post(f"{one}charge/", {"price": "0"})),
        (400, clerk.post(f"{one}charge/", {"price": "5.00"}, key=None)),
        (403, Caller().get("customers/")),
        (404, clerk.get("customers/00000000-0000-0000-0000-000000000000/")),
        (404, clerk.get("nothing/")),
        (405, clerk.send("PUT", one)),
        (301, clerk.get("customers")),
    ]
    assert [answer.status_code for _status, answer in answers] == [s for s, _answer in answers]
    for status, answer in answers:
        assert answer.headers["Cache-Control"] == "private, no-store", status
