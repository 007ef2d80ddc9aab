"""Who is compared with the gateway sends the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from benchmarks import bodies
from django_dinero.exceptions import NotSent
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.http.client import HttpClient

ACCOUNT = {"login_id": "login123", "transaction_key": "0123456789abcdef"}
IDS = {"customer_id": "1234567", "card_id": "7654321"}

CALLS: dict[str, Callable[[AuthorizeNetGateway], object]] = {
    "create": lambda gateway: gateway.create_customer(bodies.create_request()),
    "get": lambda gateway: gateway.retrieve_customer(IDS["customer_id"]),
    "charge": lambda gateway: gateway.charge(bodies.charge_request(**IDS)),
}


def without_keys(body: bytes) -> bytes:
    """Return a request without what is another one each time."""
    names = rb"refId|merchantCustomerId|invoiceNumber"
    return re.sub(rb"<(%s)>\w{20}<" % names, rb"<\1>key<", body)


@pytest.mark.parametrize("verb", bodies.ROOTS)
def test_ready_bytes_are_those_that_the_gateway_sends(
    verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def keep(self: HttpClient, body: bytes, **kwargs: object) -> bytes:
        sent.append(body)
        raise NotSent("kept")

    monkeypatch.setattr(HttpClient, "post", keep)
    gateway = AuthorizeNetGateway(
        "bench", {**ACCOUNT, "endpoint": "http://127.0.0.1:9/xml/v1/request.api"}
    )
    with pytest.raises(NotSent):
        CALLS[verb](gateway)
    ready = bodies.body(verb, **ACCOUNT, **IDS)
    assert without_keys(ready) == without_keys(sent[0])
    assert without_keys(ready) != ready or verb == "get"
