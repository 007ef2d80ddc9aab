"""Bodies that could be read in two ways are not read at all."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest

from django_dinero.api.views.transactions import TransactionViewSet
from django_dinero.models import Customer, Transaction
from tests.integration.api.calling import NUMBER, Caller, json_of, new_key, user_with
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(gateway: RecordingGateway) -> Caller:
    """Staff who capture."""
    return Caller(user_with("clerk", "capture_transaction", is_staff=True))


def test_a_body_in_chunks_is_not_taken_for_an_empty_one(
    clerk: Caller, authorization: Transaction, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    chunked: Any = {"HTTP_TRANSFER_ENCODING": "chunked", "HTTP_IDEMPOTENCY_KEY": new_key()}
    path = f"/api/transactions/{authorization.public_id}/capture/"
    response: Any = clerk.client.generic("POST", path, content_type="application/json", **chunked)
    assert json_of(response, 411)["code"] == "length_required"
    assert gateway.since(mark) == []


def test_nor_is_one_of_an_asynchronous_server(
    clerk: Caller, authorization: Transaction, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [
            (b"content-type", b"application/json"),
            (b"idempotency-key", new_key().encode()),
        ],
    }
    request = ASGIRequest(scope, io.BytesIO(b'{"amount": "1.00"}'))  # as HTTP/2 sends it
    request.user = clerk.user
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    view = TransactionViewSet.as_view({"post": "capture"})
    response: Any = view(request, id=str(authorization.public_id)).render()  # type: ignore[attr-defined]
    assert json_of(response, 411)["code"] == "length_required"
    assert gateway.since(mark) == []


def test_no_body_at_all_is_one(clerk: Caller, authorization: Transaction) -> None:
    path = f"/api/transactions/{authorization.public_id}/capture/"
    key: Any = {"Idempotency-Key": new_key()}
    response: Any = clerk.client.generic("POST", path, content_type="", headers=key)
    assert json_of(response, 201)["price"] == "10.00"


@pytest.mark.parametrize(
    "body", ['{"amount": "1.00", "amount": "9.00"}', '{"amount": "1.00", "\\u0061mount": "9.00"}']
)
def test_a_field_that_is_named_twice_is_refused(
    clerk: Caller, authorization: Transaction, gateway: RecordingGateway, body: str
) -> None:
    mark = gateway.mark
    path = f"transactions/{authorization.public_id}/capture/"
    assert json_of(clerk.post(path, body), 400)["code"] == "parse_error"
    assert gateway.since(mark) == []


@pytest.mark.parametrize("number", ["1.10", "1e2", "46201.0"])
def test_a_number_whose_digits_would_change_is_no_text(
    owner: Caller, gateway: RecordingGateway, number: str
) -> None:
    body = f'{{"email": "bill@example.com", "last_name": {number}}}'
    assert set(json_of(owner.post("customers/", body), 400)["errors"]) == {"last_name"}
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"amount": }', "line 1, column 12"),
        ('{\n  "amount": "1.00"\n  "x": 1}', "line 3, column 3"),
        ('{"amount": "1.00"', "line 1, column 18"),
        ("amount=1.00", "line 1, column 1"),
        ('{"amount": "1.00"} 4111111111111111', "line 1, column 20"),
    ],
)
def test_what_is_no_json_is_told_with_its_place_alone(
    clerk: Caller, authorization: Transaction, body: str, place: str
) -> None:
    shown = json_of(clerk.post(f"transactions/{authorization.public_id}/capture/", body), 400)
    assert shown == {
        "code": "parse_error",
        "detail": f"The body is no JSON: look at {place}.",
    }


@pytest.mark.parametrize("body", ["[]", "1", '"x"', "null", '{"amount": NaN}'])
def test_what_is_json_and_no_object_has_no_place(
    clerk: Caller, authorization: Transaction, body: Any
) -> None:
    shown = json_of(clerk.post(f"transactions/{authorization.public_id}/capture/", body), 400)
    assert shown["detail"] == "The body is no JSON object, or it names a field twice."


@pytest.mark.parametrize(
    "body", [b"\xff\xfe{", b'{"amount": "\xe9"}', '{"amount": "1"}'.encode("utf-16-le") + b"\xff"]
)
def test_what_is_no_utf_8_is_told_as_such(
    clerk: Caller, authorization: Transaction, body: bytes
) -> None:
    shown = json_of(clerk.post(f"transactions/{authorization.public_id}/capture/", body), 400)
    assert shown == {"code": "parse_error", "detail": "The body is no UTF-8."}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_body_may_begin_with_the_mark_of_utf_8(
    owner: Caller, gateway: RecordingGateway, mark: bytes
) -> None:
    json_of(owner.post("customers/", mark + '{"email": "bill@exämple.com"}'.encode()), 201)


@pytest.mark.parametrize(
    ("charset", "status"),
    [("nonsense", 415), ("latin-1", 415), ("utf-16", 415), ("UTF-8", 201), ('"utf8"', 201)],
)
def test_a_body_is_in_utf_8_by_its_header_too(
    owner: Caller, gateway: RecordingGateway, charset: str, status: int
) -> None:
    response: Any = owner.client.generic(
        "POST",
        "/api/customers/",
        b'{"email": "bill@example.com"}',
        content_type=f"application/json; charset={charset}",
    )
    shown = json_of(response, status)
    if status == 415:
        assert shown["detail"].endswith("Send application/json, in UTF-8.")


@pytest.mark.parametrize("nested", [[], {}, [NUMBER], {"number": NUMBER}])
def test_a_field_with_a_list_or_an_object_is_named_with_the_others(
    owner: Caller, gateway: RecordingGateway, nested: Any
) -> None:
    names = ("email", "first_name", "token", "number", "colour")
    body = {**dict.fromkeys(names, nested), "city": "a\u0000"}
    reply = owner.post("customers/", body)
    assert set(json_of(reply, 400)["errors"]) == {*names, "city"}
    assert NUMBER not in reply.content.decode()
    assert gateway.verbs == []
