"""The signature over the raw bytes, by a vector computed elsewhere, and what a notice points at."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from django_dinero.enums import ReasonKind
from django_dinero.gateways.authorizenet import webhooks
from django_dinero.gateways.types import Refusal, WebhookNotice
from django_dinero.redaction import Secret

KEY = (
    "9A1F0C7B52E84D36A0B1C2D3E4F5061728394A5B6C7D8E9F0011223344556677"
    "8899AABBCCDDEEFF102132435465768798A9BACBDCEDFE0F1A2B3C4D5E6F7081"
)
BODY = (
    b'{"notificationId":"n-1","eventType":"net.authorize.payment.authcapture.created",'
    b'"payload":{"authAmount":300.00,"entityName":"transaction","id":"60012300401"}}'
)
#: openssl dgst -sha512 -hmac KEY, of BODY; and the same with the key's hex digits decoded, which
#: is what the gateway does not do.
BY_TEXT = (
    "7b6cbb0c401cbf65a8215214a53fc5c5980e877f351927310a63cbe08eb4a6b8"
    "60f7695fcbf69b624898d1ef4bdab3b605148a3f6b4e06825e56f6f2e2e59213"
)
BY_HEX = (
    "ce8c2a9686a6edd10242d5894171c92787d566a1e9254ea74e06574f3ec4f6cc"
    "e5b6f9fde112f056f6f2344856ea6da700153366d0d4cad6c7a2909100a0c203"
)
NOTICE = WebhookNotice(
    event_id="n-1",
    event_type="net.authorize.payment.authcapture.created",
    object_kind="transaction",
    object_id="60012300401",
)


def headers(raw_body: bytes = BODY, *, key: str = KEY) -> dict[str, str]:
    """Sign a body as the gateway does."""
    digest = hmac.new(key.encode("ascii"), raw_body, hashlib.sha512).hexdigest()
    return {"Host": "shop.example", "X-ANET-Signature": f"sha512={digest.upper()}"}


def parse(raw_body: bytes, given: dict[str, Any] | None = None) -> WebhookNotice | Refusal:
    """Parse a body, with its right signature where no other is given."""
    return webhooks.parse(given or headers(raw_body), raw_body, [Secret(KEY)])


def why(found: WebhookNotice | Refusal) -> str:
    """Return the code of a refusal."""
    assert isinstance(found, Refusal)
    ((kind, code, text),) = [(r.kind, r.code, r.text) for r in found.reasons]
    assert kind is ReasonKind.AUTHENTICATION
    assert text
    assert KEY not in text
    return code


def test_the_vector() -> None:
    assert parse(BODY, {"X-ANET-Signature": f"sha512={BY_TEXT.upper()}"}) == NOTICE


def test_the_keys_digits_are_not_decoded() -> None:
    found = parse(BODY, {"X-ANET-Signature": f"sha512={BY_HEX.upper()}"})
    assert why(found) == "webhook:signature"


@pytest.mark.parametrize("name", ["X-ANET-Signature", "x-anet-signature", "X-Anet-Signature"])
@pytest.mark.parametrize("value", [f"sha512={BY_TEXT}", f"SHA512={BY_TEXT.upper()}"])
def test_case_of_header_and_digits_does_not_matter(name: str, value: str) -> None:
    assert parse(BODY, {"Host": "x", name: value}) == NOTICE


@pytest.mark.parametrize(
    "value",
    ["", "sha512=", BY_TEXT, f"sha256={BY_TEXT}", f"sha512={BY_TEXT[:-1]}", f"sha512={BY_TEXT}0",
     f"sha512={BY_TEXT[:-1]}4", f"sha512 {BY_TEXT}",
     "sha512=\xe9\u6f22", f"sha512=\udc80{BY_TEXT}"],
)  # fmt: skip
def test_another_signature_is_refused(value: str) -> None:
    assert why(parse(BODY, {"X-ANET-Signature": value})) == "webhook:signature"


@pytest.mark.parametrize("given", [{"Host": "x"}, {"X-ANET-Signature": ""}])
def test_no_signature_is_refused(given: dict[str, str]) -> None:
    found = parse(BODY, given)
    assert why(found) == "webhook:signature"
    assert "the header X-ANET-Signature is missing" in found.reasons[0].text  # type: ignore[union-attr]
    assert not webhooks.signed({}, b"", [Secret(KEY)])


@pytest.mark.parametrize(
    "raw_body",
    [
        BODY.replace(b"300.00", b"300.0"),
        BODY + b" ",
        BODY[:-1],
        json.dumps(json.loads(BODY)).encode(),
    ],
)
def test_other_bytes_are_refused(raw_body: bytes) -> None:
    assert why(parse(raw_body, headers(BODY))) == "webhook:signature"


def test_another_key_is_refused() -> None:
    assert why(parse(BODY, headers(key=KEY.lower()))) == "webhook:signature"


OLD = "0" * 128


@pytest.mark.parametrize("keys", [(KEY, OLD), (OLD, KEY), (OLD, OLD, KEY)])
def test_any_of_several_keys_may_have_signed_it(keys: tuple[str, ...]) -> None:
    """One is replaced by another, and both sign for a day."""
    assert webhooks.parse(headers(), BODY, [Secret(key) for key in keys]) == NOTICE
    others = [Secret(key) for key in keys if key != KEY]
    assert why(webhooks.parse(headers(), BODY, others)) == "webhook:signature"


def test_without_a_key_nothing_is_believed() -> None:
    found = webhooks.parse(headers(), BODY, [])
    assert why(found) == "webhook:unconfigured"
    assert "signature_key" in found.reasons[0].text  # type: ignore[union-attr]


def test_a_body_of_any_size_is_measured_first() -> None:
    filled = BODY[:-1] + b" " * (webhooks.MAX_BYTES - len(BODY)) + b"}"
    assert len(filled) == webhooks.MAX_BYTES
    assert parse(filled) == NOTICE
    assert why(parse(filled + b" ")) == "webhook:size"


DEEP = b'{"payload":' + b"[" * 60_000
#: Well-formed, and no interpreter's limit is near.
NESTED = BODY[:-1] + b',"more":' + b"[" * 40 + b"]" * 40 + b"}"


@pytest.mark.parametrize(
    "raw_body",
    [b"", b"null", b"[]", b"1", b'"text"', b"{", b"\xff\xfe\xfd", b"{}", b'{"payload": []}',
     DEEP, NESTED,
     b'{"payload": null, "eventType": "x", "notificationId": "n"}'],
)  # fmt: skip
def test_a_signed_body_that_is_no_notice_is_refused(raw_body: bytes) -> None:
    assert why(parse(raw_body)) == "webhook:body"


def notice(payload: dict[str, Any] | None = None, **changed: Any) -> bytes:
    """Return a notice with other values; None leaves one out."""
    inner = {"entityName": "transaction", "id": "60", **(payload or {})}
    values = {"notificationId": "n-1", "eventType": "net.authorize.x", "payload": inner, **changed}
    return json.dumps({name: value for name, value in values.items() if value is not None}).encode()


@pytest.mark.parametrize(
    "raw_body",
    [
        notice(notificationId=None),
        notice(notificationId=""),
        notice(eventType=None),
        notice({"id": None}),
        notice({"id": ""}),
        notice({"id": "6\x00"}),
        notice({"id": "\ud800"}),
        notice({"id": "6" * 256}),
        notice({"id": True}),
        notice({"id": {"$gt": ""}}),
        notice({"entityName": "somethingNew"}),
        notice({"entityName": None}),
        notice({"entityName": ["transaction"]}),
    ],
)
def test_a_notice_without_event_or_object_is_refused(raw_body: bytes) -> None:
    assert why(parse(raw_body)) == "webhook:body"


@pytest.mark.parametrize(
    ("entity", "kind"),
    [("transaction", "transaction"), ("customerProfile", "customer"),
     ("customerPaymentProfile", "card"), ("subscription", "subscription")],
)  # fmt: skip
def test_what_a_notice_points_at(entity: str, kind: str) -> None:
    found = parse(notice({"entityName": entity, "id": 394}))
    assert isinstance(found, WebhookNotice)
    assert (found.object_kind, found.object_id) == (kind, "394")


@pytest.mark.parametrize(
    ("payload", "key"),
    [({"merchantReferenceId": "REF", "invoiceNumber": "INV"}, "REF"),
     ({"invoiceNumber": "INV"}, "INV"),
     ({"merchantReferenceId": "", "invoiceNumber": "INV"}, "INV"),
     ({}, ""), ({"merchantReferenceId": None}, "")],
)  # fmt: skip
def test_our_key_in_a_notice(payload: dict[str, Any], key: str) -> None:
    found = parse(notice(payload))
    assert isinstance(found, WebhookNotice)
    assert found.operation_key == key


def test_the_customer_of_a_card() -> None:
    found = parse(notice({"entityName": "customerPaymentProfile", "customerProfileId": 77}))
    assert isinstance(found, WebhookNotice)
    assert found.customer_id == "77"
