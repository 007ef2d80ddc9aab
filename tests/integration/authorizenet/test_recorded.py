"""Replies as the real gateway sent them, read through the public API over a local server.

The server echoes our refId and is asked for the ids that were recorded; what a verb asks beside the
recorded call (whether a charge has settled) it answers itself.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from django_dinero import exceptions
from django_dinero.exceptions import DineroError
from django_dinero.models import CreditCard, Customer, Transaction
from tests.conftest import SHARED_DATA

pytestmark = pytest.mark.django_db

RECORDED = SHARED_DATA / "authorizenet-recorded"
INDEX: dict[str, Any] = (
    json.loads((RECORDED / "index.json").read_text()) if RECORDED.exists() else {}
)
NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"
CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2030}
SETTLED = """<?xml version="1.0" encoding="utf-8"?>
<getTransactionDetailsResponse xmlns="{ns}">{ref}<messages><resultCode>Ok</resultCode>
<message><code>I00001</code><text>Successful.</text></message></messages>
<transaction><transId>{id}</transId><submitTimeUTC>2026-01-01T00:00:00Z</submitTimeUTC>
<submitTimeLocal>2026-01-01T00:00:00</submitTimeLocal>
<transactionType>authCaptureTransaction</transactionType>
<transactionStatus>settledSuccessfully</transactionStatus><responseCode>1</responseCode>
<responseReasonCode>1</responseReasonCode><authAmount>50.00</authAmount>
<settleAmount>50.00</settleAmount><payment><creditCard><cardNumber>XXXX0015</cardNumber>
<expirationDate>XXXX</expirationDate><cardType>MasterCard</cardType></creditCard></payment>
</transaction></getTransactionDetailsResponse>"""


class Recorder(ThreadingHTTPServer):
    """Answers with one recorded body, and with settled details when asked for a transaction."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: dict[str, bytes] = {}
        self.default = b""
        self.asked: list[str] = []

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/xml/v1/request.api"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8-sig")
        body = self.reply_to(request)
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reply_to(self, request: str) -> bytes:
        root = re.search(r"<(\w+Request)[ >]", request)
        name = root[1] if root else ""
        self.server.asked.append(name)
        ref = re.search(r"<refId>(.*?)</refId>", request)
        if name == "getTransactionDetailsRequest":
            asked = re.search(r"<transId>(\d+)</transId>", request)
            echo = f"<refId>{ref[1]}</refId>" if ref else ""
            text = SETTLED.format(ns=NAMESPACE, ref=echo, id=asked[1] if asked else "0")
            return text.encode()
        body = self.server.bodies.get(name, self.server.default)
        if ref:
            body = re.sub(rb"<refId>.*?</refId>", b"<refId>" + ref[1].encode() + b"</refId>", body)
        return body

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(settings: Any) -> Iterator[Recorder]:
    recorder = Recorder()
    threading.Thread(target=recorder.serve_forever, args=(0.01,), daemon=True).start()
    entry = {
        "BACKEND": "django_dinero.gateways.authorizenet.AuthorizeNetGateway",
        "OPTIONS": {
            "login_id": "login",
            "transaction_key": "key",
            "endpoint": recorder.endpoint,
        },
    }
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    yield recorder
    recorder.shutdown()
    recorder.server_close()


# -- One public call for each recording ------------------------------------------------------------


def charge(kind: str = "charge", transaction_id: str = "60036752756") -> Transaction:
    return Transaction.objects.create(
        gateway_name="default",
        kind=kind,
        status="approved",
        price=Decimal("50.00"),
        currency="USD",
        transaction_id=transaction_id,
        last_4="0015",
    )


def customer(customer_id: str = "28775801") -> Customer:
    row = Customer(customer_id=customer_id, email="kaylee@serenity.com")
    Customer.objects.bulk_create([row])
    Customer.objects.update_without_push(**row.synced_bookkeeping())
    return Customer.objects.get()


def stored_card(card_id: str) -> CreditCard:
    owner = customer()
    assert owner.customer_id
    card = CreditCard(
        customer=owner, customer_id=owner.customer_id, card_id=card_id, last_4="8888", zip="12345"
    )
    CreditCard.objects.bulk_create([card])
    CreditCard.objects.update_without_push(**card.synced_bookkeeping())
    return CreditCard.objects.get()


def edit_card(meaning: dict[str, Any]) -> CreditCard:
    card = stored_card("26485433")
    card.zip = "54321"
    card.save()
    return card


def call_for(name: str, meaning: dict[str, Any]) -> Callable[[], Any]:
    """The public call whose answer a recording is."""
    what = name.split("__")[1].lower()
    parent = meaning.get("transaction", {}).get("ref_trans_id") or "60036752756"
    if "refund" in what:
        return lambda: charge(transaction_id=parent).refund("10.00")
    if "void" in what:
        return lambda: charge(transaction_id=parent).void()
    if "capture" in what and "captureonly" not in what:
        return lambda: charge("authorization", parent).settle()
    if what.startswith(("bad_amount", "successful_purchase", "bad_card_purchase", "aimpurchase")):
        return lambda: Transaction.create("5.00", **CARD)
    if what.startswith(("successful_authorize", "aimauthorize", "aimcaptureonly")):
        return lambda: Transaction.create("5.00", settle=False, **CARD)
    if "multipleprofiles" in what or "singleprofile" in what:
        return lambda: Customer.retrieve("28775801")
    if "getpaymentprofile" in what or "updatepaymentprofile" in what:
        return lambda: edit_card(meaning)
    if "store" in what or what.startswith("cimcreatecard"):
        return lambda: Customer.create("kaylee@serenity.com", **CARD)
    return lambda: customer().add_card(**CARD)


def prepare(server: Recorder, name: str) -> None:
    server.default = (RECORDED / name).read_bytes()
    # Editing a card gets, merges and sends: the recording of the other half goes with each.
    halves = {
        "getCustomerPaymentProfileRequest": "omnipay__CIMGetPaymentProfileSuccess.xml",
        "updateCustomerPaymentProfileRequest": "omnipay__CIMUpdatePaymentProfileSuccess.xml",
        "getCustomerProfileRequest": "omnipay__CIMGetSingleProfileSuccess.xml",
    }
    asked = INDEX[name]["request"]
    server.bodies = {
        request: (RECORDED / file).read_bytes()
        for request, file in halves.items()
        if request != asked
    }


@pytest.mark.skipif(not INDEX, reason="the recorded replies are not beside this checkout")
@pytest.mark.parametrize("name", sorted(INDEX))
def test_a_recorded_reply_means_what_its_index_says(server: Recorder, name: str) -> None:
    meaning = INDEX[name]["meaning"]
    prepare(server, name)
    call = call_for(name, meaning)
    expected = meaning["exception_suggested"]
    if expected is None:
        check_success(call(), meaning)
    else:
        classes = [getattr(exceptions, part, None) for part in expected.split("/")]
        known = tuple(c for c in classes if c is not None)
        with pytest.raises(known) as caught:
            call()
        check_refusal(caught.value, meaning)
    assert server.asked


def check_success(result: Any, meaning: dict[str, Any]) -> None:
    told, ids = meaning.get("transaction", {}), meaning.get("ids", {})
    if isinstance(result, Transaction):
        assert result.status == "approved"
        assert result.transaction_id == told["trans_id"]
        assert (result.auth_code, result.avs) == (told["auth_code"], told["avs"])
        assert result.cvv == told["cvv"]
        assert result.network_transaction_id == told["network_trans_id"]
    elif isinstance(result, Customer):
        cards = [card.card_id for card in result.cards]
        assert [result.customer_id] == ids["customerProfileId"]
        assert cards == ids.get("customerPaymentProfileIdList", ids.get("customerPaymentProfileId"))
    else:
        assert result.sync_state == "synced"
        wanted = ids.get("customerPaymentProfileId")
        assert wanted is None or result.card_id in wanted


def check_refusal(error: DineroError, meaning: dict[str, Any]) -> None:
    code = meaning["reason_code"] or meaning["messages"][0]["code"]
    assert error.gateway_code == code
    text = meaning["messages"][0]["text"]
    if meaning.get("transaction", {}).get("errors"):
        text = meaning["transaction"]["errors"][0]["text"]
        assert error.transaction.status in ("failed", "declined")
    assert str(error) == text or meaning["reason_code"] is None
    duplicate = re.search(r"ID (\d+)", text)
    if duplicate and isinstance(error, exceptions.DuplicateCustomerError):
        assert error.customer_id == duplicate[1]
    assert error.operation.state in ("declined", "failed")


def test_the_recordings_are_all_there() -> None:
    if INDEX:
        files = {path.name for path in Path(RECORDED).glob("*.xml")}
        assert files == set(INDEX)
