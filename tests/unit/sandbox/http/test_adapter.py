"""The bank mounted on a requests session."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.types import CustomerRequest, Refusal, RemoteCustomer
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import AuthorizeNetDialect
from django_dinero.sandbox.http.adapter import BankAdapter
from django_dinero.sandbox.http.faults import Faults
from tests.support.authorizenet import posted, request

URL = "https://apitest.authorize.net/xml/v1/request.api"
Send = Callable[..., requests.Response]


@pytest.fixture
def faults() -> Faults:
    return Faults(die=lambda: None)


@pytest.fixture
def adapter(bank: Bank, faults: Faults) -> BankAdapter:
    return BankAdapter(bank, faults)


@pytest.fixture
def send(adapter: BankAdapter) -> Send:
    session = requests.Session()
    session.mount("https://apitest.authorize.net/", adapter)

    def post(body: bytes | str = request("authenticateTest"), timeout: object = (10, 60)) -> object:
        headers = {"Content-Type": "text/xml"}
        return session.post(URL, data=body, headers=headers, timeout=timeout)  # type: ignore[arg-type]

    return post  # type: ignore[return-value]


def test_a_call(send: Send, adapter: BankAdapter) -> None:
    response = send()
    assert response.status_code == 200
    assert response.content.startswith(b"\xef\xbb\xbf<?xml")
    assert response.headers["content-type"] == "application/xml; charset=utf-8"
    assert b"I00001" in response.content
    assert response.url == URL
    assert adapter.counts.requests == {"authenticateTestRequest": 1}


def test_text_and_nothing(send: Send) -> None:
    assert b"I00001" in send(request("authenticateTest").decode()).content
    assert b"Root element is missing." in send(b"").content


def test_the_content_type_counts(adapter: BankAdapter) -> None:
    session = requests.Session()
    session.mount("https://", adapter)
    assert b"E00002" in session.post(URL, data=request("authenticateTest"), timeout=5).content


@pytest.mark.parametrize("name", ["drop_before", "drop_after", "die"])
def test_drops(send: Send, faults: Faults, name: str) -> None:
    faults.add(name)
    with pytest.raises(requests.ConnectionError):
        send()


def test_a_cut_reply(send: Send, faults: Faults) -> None:
    faults.add("truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        send()


def test_a_delay_is_not_waited_for(send: Send, faults: Faults) -> None:
    for timeout in (60, 60.0, (10, 60)):
        faults.add("delay", seconds=61.0)
        with pytest.raises(requests.ReadTimeout):
            send(timeout=timeout)


def test_status_500(send: Send, faults: Faults) -> None:
    faults.add("status_500")
    assert send().status_code == 500


def test_a_session_that_closes_leaves_the_bank_open(bank: Bank) -> None:
    adapter = BankAdapter(bank)
    with requests.Session() as session:
        session.mount("https://", adapter)
    assert bank.customer_ids() == ()
    adapter.faults.add("die")
    with pytest.raises(requests.ConnectionError):
        adapter.send(requests.Request("POST", URL, data=b"x").prepare())


def test_a_record_that_is_not_known_yet_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, bank: Bank
) -> None:
    """The real client, against a gateway that knows its own customer only after a while."""
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    options = {"login_id": "sandbox-login", "transaction_key": "sandbox-key"}
    gateway = AuthorizeNetGateway("shop", {**options, "endpoint": "http://127.0.0.1/"})
    adapter = BankAdapter(bank)
    gateway.mount(adapter)
    request = CustomerRequest(operation_key="k", customer_key="u1", email="ann@example.com")
    made = gateway.create_customer(request)
    assert isinstance(made, RemoteCustomer)
    adapter.faults.add("not_yet", "getCustomerProfileRequest", times=2)
    found = gateway.retrieve_customer(made.customer_id)
    assert isinstance(found, RemoteCustomer)
    assert (found.customer_key, len(pauses)) == ("u1", 2)
    # Of what this process did not make, the first answer is believed.
    stranger = bank.create_customer("u2")
    adapter.faults.add("not_yet")
    refused = gateway.retrieve_customer(stranger.id)
    assert isinstance(refused, Refusal)
    assert (refused.reasons[0].code, len(pauses)) == ("E00040", 2)


@pytest.mark.parametrize("body", [b"<a/>", b"no xml"])
def test_what_is_no_request_is_refused_as_ever(bank: Bank, body: bytes) -> None:
    dialect = AuthorizeNetDialect(bank)
    assert dialect.not_found(posted(body)) == dialect.answer(posted(body))
