"""A client that knows JSON and nothing else runs the whole job over HTTP, and meets every fault."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import PATH
from django_dinero.sandbox.http.adapter import BankAdapter
from django_dinero.sandbox.http.faults import GARBAGE, FaultName
from django_dinero.sandbox.http.server import MAX_BODY, SandboxServer

VISA = {"cardNumber": "4111111111111111", "expirationDate": "2040-12", "cardCode": "900"}
ADDRESS = {"firstName": "Ada", "lastName": "Byron", "address": "1 Mill St", "zip": "12180"}
PAY = "createTransactionRequest"


class Client:
    """Posts operations in JSON and reads the replies."""

    def __init__(self, endpoint: str, login_id: str, transaction_key: str) -> None:
        self.endpoint = endpoint
        self.login = {"name": login_id, "transactionKey": transaction_key}
        self.session = requests.Session()

    def post(self, operation: str, **values: Any) -> requests.Response:
        """Send an operation; its elements are in the order of the arguments."""
        body = {f"{operation}Request": {"merchantAuthentication": self.login, **values}}
        return self.session.post(self.endpoint, json=body, timeout=10)

    def __call__(self, operation: str, **values: Any) -> Any:
        response = self.post(operation, **values)
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        assert response.content.startswith(b"\xef\xbb\xbf")
        return json.loads(response.content.decode("utf-8-sig"))

    def ok(self, operation: str, **values: Any) -> Any:
        """Send an operation that succeeds."""
        reply = self(operation, **values)
        assert reply["messages"]["resultCode"] == "Ok", reply
        return reply

    def pay(self, kind: str, **values: Any) -> Any:
        """Send a payment and return its transactionResponse."""
        transaction = {"transactionType": kind, **values}
        return self("createTransaction", transactionRequest=transaction)["transactionResponse"]


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A bank in memory, served on a free port."""
    bank = Bank()
    with SandboxServer(bank) as server:
        yield server
    bank.close()


@pytest.fixture
def client(server: SandboxServer) -> Iterator[Client]:
    account = server.bank.account
    client = Client(server.endpoint, account.login_id, account.transaction_key.reveal())
    yield client
    client.session.close()


def test_the_whole_job(server: SandboxServer, client: Client) -> None:
    profile = {
        "merchantCustomerId": "u1",
        "email": "ada@example.com",
        "paymentProfiles": [{"billTo": ADDRESS, "payment": {"creditCard": VISA}}],
    }
    made = client.ok("createCustomerProfile", profile=profile, validationMode="liveMode")
    ids = {"customerProfileId": made["customerProfileId"]}
    (card,) = made["customerPaymentProfileIdList"]
    found = client.ok("getCustomerProfile", **ids)["profile"]
    shown = found["paymentProfiles"][0]["payment"]["creditCard"]
    assert shown == {"cardNumber": "XXXX1111", "expirationDate": "XXXX", "cardType": "Visa"}
    stored = {**ids, "paymentProfile": {"paymentProfileId": card}}
    charge = client.pay("authCaptureTransaction", amount=12.5, profile=stored)
    assert (charge["responseCode"], charge["messages"][0]["code"]) == ("1", "1")
    paid = {"payment": {"creditCard": VISA}, "billTo": ADDRESS}
    kept = client.pay("authOnlyTransaction", amount=20, **paid)["transId"]
    dropped = client.pay("authOnlyTransaction", amount=30, **paid)["transId"]
    captured = client.pay("priorAuthCaptureTransaction", amount="15.00", refTransId=kept)
    assert (captured["responseCode"], captured["transId"]) == ("1", kept)
    assert client.pay("voidTransaction", refTransId=dropped)["transId"] == dropped
    declined = client.pay("authCaptureTransaction", amount=1, **paid | {"billTo": {"zip": "46282"}})
    assert (declined["responseCode"], declined["errors"][0]["errorCode"]) == ("2", "2")
    unsettled = client.ok("getUnsettledTransactionList")
    assert unsettled["totalNumInResultSet"] == len(unsettled["transactions"])
    server.bank.settle_batch()
    (batch,) = client.ok("getSettledBatchList", includeStatistics=True)["batchList"]
    assert batch["statistics"][0]["chargeAmount"] == 27.5
    listed = client.ok("getTransactionList", batchId=batch["batchId"])["transactions"]
    assert {charge["transId"], kept} <= {one["transId"] for one in listed}
    details = client.ok("getTransactionDetails", transId=kept)["transaction"]
    assert (details["responseCode"], details["settleAmount"]) == (1, 15.0)
    back = {"cardNumber": "XXXX1111", "expirationDate": "XXXX"}
    payment = {"creditCard": back}
    refund = client.pay("refundTransaction", amount=5, payment=payment, refTransId=kept)
    assert (refund["responseCode"], refund["refTransID"]) == ("1", kept)
    assert client("getUnsettledTransactionList")["totalNumInResultSet"] == 1
    client.ok("deleteCustomerProfile", **ids)
    assert client("getCustomerProfile", **ids)["messages"]["message"][0]["code"] == "E00040"
    assert server.counts.requests["createTransactionRequest"] == 7


def charge(client: Client) -> requests.Response:
    transaction = {
        "transactionType": "authCaptureTransaction",
        "amount": "10.00",
        "payment": {"creditCard": VISA},
    }
    return client.post("createTransaction", transactionRequest=transaction)


@pytest.mark.parametrize("name", ["drop_before", "drop_after", "truncate"])
def test_a_connection_that_closes(server: SandboxServer, client: Client, name: str) -> None:
    server.faults.add(name, PAY)
    client.ok("authenticateTest")
    with pytest.raises(requests.RequestException):
        charge(client)
    assert len(server.bank.transactions()) == (0 if name == "drop_before" else 1)


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [("garbage", 200, GARBAGE), ("status_500", 500, b"Internal Server Error")],
)
def test_another_reply(
    server: SandboxServer, client: Client, name: str, status: int, body: bytes
) -> None:
    server.faults.add(name, PAY)
    response = charge(client)
    assert (response.status_code, response.content) == (status, body)
    assert len(server.bank.transactions()) == 1


def test_not_yet_repeated_and_delayed(server: SandboxServer, client: Client) -> None:
    server.faults.add(FaultName.NOT_YET, PAY)
    reply = json.loads(charge(client).content.decode("utf-8-sig"))
    assert reply["messages"]["message"][0]["code"] == "E00040"
    server.faults.add(FaultName.REPEAT, PAY)
    reply = json.loads(charge(client).content.decode("utf-8-sig"))
    assert reply["transactionResponse"]["errors"][0]["errorCode"] == "11"
    server.faults.add(FaultName.DELAY, seconds=0.2)
    assert charge(client).elapsed.total_seconds() >= 0.2


def test_without_a_socket() -> None:
    bank = Bank()
    adapter = BankAdapter(bank)
    client = Client("https://bank.example/xml/v1/request.api", "sandbox-login", "sandbox-key")
    client.session.mount("https://bank.example/", adapter)
    client.ok("authenticateTest")
    adapter.faults.add("truncate", "getCustomerProfileIdsRequest")
    client.ok("authenticateTest")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client("getCustomerProfileIds")
    assert adapter.counts.requests == {
        "authenticateTestRequest": 2,
        "getCustomerProfileIdsRequest": 1,
    }
    bank.close()


def test_the_limit_of_a_body(server: SandboxServer, client: Client) -> None:
    head = f"Content-Type: application/json\r\nContent-Length: {MAX_BODY + 1}"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(f"POST {PATH} HTTP/1.1\r\n{head}\r\n\r\n".encode())
        assert sock.makefile("rb").read().startswith(b"HTTP/1.1 413 ")
    reply = client("authenticateTest", refId="x" * (MAX_BODY - 1000))
    assert reply["messages"]["message"][0]["code"] == "E00003"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 500_000, b'{"a":' * 200_000, b'{"a": 1e9999}', b'{"a": NaN}', b"\xff"],
    ids=["empty", "open", "deep-array", "deep-object", "exponent", "nan", "no-utf-8"],
)
def test_hostile_bodies_are_answered(client: Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = client.session.post(client.endpoint, data=body, headers=headers, timeout=10)
    assert response.status_code == 200
    (message,) = json.loads(response.content.decode("utf-8-sig"))["messages"]["message"]
    assert message["code"] in ("E00003", "E00004")
