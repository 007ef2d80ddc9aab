"""A stranger's API over the same bank: server, adapter, faults and controls serve it unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
import requests

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import BankRefusal, PlainCard
from django_dinero.sandbox.http.adapter import BankAdapter
from django_dinero.sandbox.http.exchange import Dialect, Request, Response, Route
from django_dinero.sandbox.http.server import SandboxServer
from tests.support.testbank import VISA

Call = Callable[..., requests.Response]


class JsonDialect(Dialect):
    """JSON, a path for each record, and methods that mean something."""

    route = Route("/v9", ("GET", "POST", "DELETE"), "the API begins at /v9", below=True)

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    def operation_of(self, request: Request) -> str:
        return f"{request.method} {request.path.split('/')[2]}"

    def answer(self, request: Request) -> Response:
        if request.header("authorization") != "Bearer key":
            return self._json(401, {"error": "key"})
        if request.method == "POST":
            given = json.loads(request.body)
            card = PlainCard(Secret(given["number"]))
            verdict = self.bank.charge(card, Decimal(given["amount"]))
            assert verdict.row is not None
            return self._json(201, {"id": verdict.row.id, "asked": request.query})
        charge_id = request.path.rpartition("/")[2]
        if request.method == "DELETE":
            self.bank.void(charge_id)
        try:
            row = self.bank.retrieve_transaction(charge_id)
        except BankRefusal:
            return self.not_found(request)
        return self._json(200, {"id": row.id, "status": row.status})

    def not_found(self, request: Request) -> Response:
        return self._json(404, {"error": "unknown"})

    def _json(self, status: int, value: object) -> Response:
        return Response(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


@pytest.fixture
def server(bank: Bank) -> Iterator[SandboxServer]:
    with SandboxServer(bank, dialect=JsonDialect(bank)) as server:
        yield server


@pytest.fixture
def adapter(bank: Bank) -> BankAdapter:
    return BankAdapter(bank, dialect=JsonDialect(bank))


@pytest.fixture(params=["server", "adapter"])
def carrier(request: pytest.FixtureRequest) -> SandboxServer | BankAdapter:
    """Each of the two that carry requests to a bank."""
    found: SandboxServer | BankAdapter = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def call(carrier: SandboxServer | BankAdapter) -> Iterator[Call]:
    base = "http://bank.example/v9"
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer key"
        if isinstance(carrier, SandboxServer):
            base = carrier.endpoint
        else:
            session.mount("http://bank.example/", carrier)

        def send(method: str, path: str, **how: object) -> requests.Response:
            return session.request(method, base + path, timeout=10, **how)  # type: ignore[arg-type]

        yield send


def test_each_method_on_a_path_of_its_own(call: Call) -> None:
    made = call("POST", "/charges?expand=all", json={"number": VISA, "amount": "5.00"})
    assert (made.status_code, made.json()["asked"]) == (201, "expand=all")
    path = f"/charges/{made.json()['id']}"
    assert call("GET", path).json()["status"] == "captured"
    assert call("DELETE", path).json()["status"] == "voided"
    assert call("GET", "/charges/1").status_code == 404
    assert call("GET", path, headers={"Authorization": "Bearer other"}).status_code == 401


def test_faults_and_counts_go_by_its_own_names(
    call: Call, carrier: SandboxServer | BankAdapter
) -> None:
    carrier.faults.add("drop_after", "POST charges")
    carrier.faults.add("not_yet", "GET charges")
    with pytest.raises(requests.ConnectionError):
        call("POST", "/charges", json={"number": VISA, "amount": "5.00"})
    (row,) = carrier.bank.transactions()
    assert call("GET", f"/charges/{row.id}").json() == {"error": "unknown"}
    assert call("GET", f"/charges/{row.id}").json()["status"] == "captured"
    assert carrier.counts.requests == {"POST charges": 1, "GET charges": 2}


def test_a_lost_client_is_told_where_to_go(server: SandboxServer) -> None:
    assert server.endpoint == f"{server.url}/v9"
    lost = requests.get(f"{server.url}/v8/charges", timeout=10)
    assert (lost.status_code, lost.text) == (404, "There is nothing here: the API begins at /v9.\n")
    refused = requests.put(f"{server.url}/v9/charges", data=b"{}", timeout=10)
    text = "Unsupported method ('PUT'). The API begins at /v9.\n"
    assert (refused.status_code, refused.text) == (501, text)
    assert requests.get(f"{server.control_url}stats", timeout=10).json()["requests"] == {}
