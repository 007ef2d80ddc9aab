"""The test bank over HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import trustme

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.records import PlainCard
from django_dinero.sandbox.dialects.authorizenet.dialect import PATH
from django_dinero.sandbox.http.faults import Faults
from django_dinero.sandbox.http.server import MAX_BODY, SandboxServer
from tests.support.authorizenet import request

XML = {"Content-Type": "text/xml"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A bank in memory, served on a free port."""
    bank = Bank()
    with SandboxServer(bank) as server:
        yield server
    bank.close()


@pytest.fixture
def connection(server: SandboxServer) -> Iterator[http.client.HTTPConnection]:
    """A connection that stays open."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    yield connection
    connection.close()


def post(
    connection: http.client.HTTPConnection,
    body: bytes = request("authenticateTest"),
    path: str = PATH,
) -> tuple[int, bytes]:
    connection.request("POST", path, body, XML)
    response = connection.getresponse()
    return response.status, response.read()


def test_a_call(server: SandboxServer) -> None:
    assert server.endpoint == f"http://127.0.0.1:{server.port}{PATH}"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", PATH, request("authenticateTest"), XML)
    response = connection.getresponse()
    body = response.read()
    assert (response.status, response.version) == (200, 11)
    assert response.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert response.headers["Content-Length"] == str(len(body))
    assert b"<code>I00001</code>" in body
    connection.close()


def test_a_connection_is_kept(server: SandboxServer, connection: Any) -> None:
    for _ in range(5):
        assert post(connection)[0] == 200
    assert server.connections == 1
    assert server.counts.requests == {"authenticateTestRequest": 5}


def test_a_reply_leaves_in_one_write(server: SandboxServer) -> None:
    """Two small writes would wait for an acknowledgement each, 40 ms on Linux."""
    body = request("authenticateTest")
    head = f"POST {PATH} HTTP/1.1\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(head.encode() + body)
        received = sock.recv(65536)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"</authenticateTestResponse>")


def test_many_at_once(server: SandboxServer) -> None:
    answers: list[int] = []

    def call() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for _ in range(5):
            answers.append(post(connection)[0])
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 40
    assert server.connections == 8


def test_paths_and_methods(server: SandboxServer, connection: Any) -> None:
    assert post(connection, path="/other")[0] == 404
    # httpx writes a slash behind every base address.
    assert post(connection, path=f"{PATH}/")[0] == 200
    connection.request("GET", PATH)
    assert connection.getresponse().read() == b"POST only.\n"
    for path in ("/", "/_control"):
        assert b"operations are posted to /xml/v1/request.api" in post(connection, path=path)[1]
    # A body where none belongs is no request of its own.
    connection.request("GET", "/_control/stats", b"GET /_control/stats HTTP/1.1\r\n\r\n", JSON)
    assert connection.getresponse().read().startswith(b'{"connections"')
    assert post(connection)[0] == 200
    # The API beside it has endpoints, which can be deleted.
    connection.request("DELETE", PATH)
    assert connection.getresponse().read() == b"POST only.\n"
    connection.request("DELETE", "/rest/v1/webhooks/1")
    assert connection.getresponse().read().startswith(b'{"status": 401')
    for method in ("PATCH", "PUT", "HEAD"):
        connection.request(method, PATH)
        response = connection.getresponse()
        text = response.read()
        assert (response.status, response.headers["Content-Type"]) == (501, "text/plain")
        assert (text == b"") is (method == "HEAD")
        assert method == "HEAD" or text.startswith(f"Unsupported method ('{method}').".encode())


def test_what_is_no_http_is_told_so(server: SandboxServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(b"hello there, bank\r\n\r\n")
        assert b"Bad request version ('bank')" in sock.makefile("rb").read()


def test_a_failure_of_the_bank_is_seen_by_whoever_runs_it(
    server: SandboxServer, connection: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not taken for a client that left."""
    server.control.answer = None  # type: ignore[assignment, method-assign]
    with pytest.raises(http.client.RemoteDisconnected):
        connection.request("POST", "/_control/settle")
        connection.getresponse()
    server.stop()
    assert "The test bank failed to answer a request." in caplog.text
    assert "TypeError" in caplog.text


def test_bodies_have_a_length_and_a_limit(server: SandboxServer) -> None:
    for header, status in (
        ("Content-Length: -1", 411),
        ("Content-Length: many", 411),
        ("Transfer-Encoding: chunked", 411),
        (f"Content-Length: {MAX_BODY + 1}", 413),
        ("Content-Length: " + "9" * 50, 413),
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
            sock.sendall(f"POST {PATH} HTTP/1.1\r\n{header}\r\n\r\n".encode())
            assert sock.makefile("rb").read().startswith(f"HTTP/1.1 {status} ".encode())


def test_a_body_that_ends_early(server: SandboxServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(f"POST {PATH} HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc".encode())
        sock.shutdown(socket.SHUT_WR)
        assert sock.makefile("rb").read() == b""
    assert server.counts.requests == {}


def test_controls(server: SandboxServer, connection: Any) -> None:
    connection.request("POST", "/_control/hold", json.dumps({"count": 2}), JSON)
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())) == (200, {"hold": 2})
    connection.request("GET", "/_control/connections")
    assert json.loads(connection.getresponse().read()) == {"connections": 1}
    assert server.control_url.endswith("/_control/")
    assert server.counts.requests == {}


def test_a_page_of_another_site_has_no_control(server: SandboxServer, connection: Any) -> None:
    """As a browser sends it: a script, and a form that needs nobody's leave."""
    body = json.dumps({"count": 2})
    form = {"Content-Type": "text/plain", "Origin": "http://evil.example"}
    for headers in (
        {**JSON, "Origin": "http://evil.example"},
        {**JSON, "Sec-Fetch-Site": "cross-site"},
        {**JSON, "Host": f"evil.example:{server.port}"},
        form,
    ):
        connection.request("POST", "/_control/hold", body, headers)
        response = connection.getresponse()
        assert (response.status, "error" in json.loads(response.read())) == (403, True)
    connection.request("POST", "/_control/hold", body, {"Content-Type": "text/plain"})
    response = connection.getresponse()
    assert (response.status, "error" in json.loads(response.read())) == (415, True)
    verdict = server.bank.charge(PlainCard(Secret("4111111111111111"), 12, 2040), Decimal(10))
    assert verdict.row is not None
    assert verdict.row.status == "captured"


@pytest.mark.parametrize("name", ["drop_before", "drop_after"])
def test_drops(server: SandboxServer, connection: Any, name: str) -> None:
    server.faults.add(name)
    with pytest.raises(http.client.RemoteDisconnected):
        post(connection)
    connection.close()
    assert post(connection)[0] == 200


def test_a_cut_reply(server: SandboxServer, connection: Any) -> None:
    server.faults.add("truncate", "authenticateTestRequest")
    with pytest.raises(http.client.IncompleteRead):
        post(connection)


def test_a_dropped_charge_was_taken(server: SandboxServer, connection: Any) -> None:
    server.faults.add("drop_after", "createTransactionRequest")
    body = request(
        "createTransaction",
        "<transactionRequest><transactionType>authCaptureTransaction</transactionType>"
        "<amount>5.00</amount><payment><creditCard><cardNumber>4111111111111111</cardNumber>"
        "<expirationDate>2040-12</expirationDate></creditCard></payment></transactionRequest>",
        ref_id="lost",
    )
    with pytest.raises(http.client.RemoteDisconnected):
        post(connection, body)
    (row,) = server.bank.transactions(operation_key="lost")
    assert row.status == "captured"


def test_the_end_closes_connections_and_delays() -> None:
    bank = Bank()
    server = SandboxServer(bank, faults=Faults())
    server.start()
    server.faults.add("delay", seconds=3000.0)
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    assert idle.connect() is None  # type: ignore[func-returns-value]
    waiting = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    waiting.request("POST", PATH, request("authenticateTest"), XML)
    while not server.counts.requests:
        pass
    port = server.port
    server.stop()
    for connection in (idle, waiting):
        connection.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    assert bank.customer_ids() == ()
    bank.close()


def test_an_unstarted_server_ends() -> None:
    bank = Bank()
    server = SandboxServer(bank)
    server.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=10)
    assert bank.customer_ids() == ()  # its bank is still open
    bank.close()


def test_https() -> None:
    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    bank = Bank()
    with SandboxServer(bank, ssl_context=server_side) as server:
        assert server.endpoint.startswith("https://127.0.0.1:")
        # A connection that never shakes hands does not keep others waiting.
        with socket.create_connection(("127.0.0.1", server.port), timeout=10):
            connection = http.client.HTTPSConnection(
                "127.0.0.1", server.port, timeout=10, context=client_side
            )
            assert post(connection)[0] == 200
            assert post(connection)[0] == 200
            connection.close()
        assert server.connections == 2
    bank.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])
def test_other_machines_are_let_in_on_request_only(host: str) -> None:
    with pytest.raises(ValueError, match="allow_remote=True"):
        SandboxServer(Bank(), host=host)


def test_all_addresses_on_request() -> None:
    bank = Bank()
    with SandboxServer(bank, host="0.0.0.0", allow_remote=True) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        assert post(connection)[0] == 200
        connection.close()
    bank.close()


def test_nothing_is_logged(
    server: SandboxServer, connection: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    post(connection)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(b"nonsense 4111111111111111\r\n\r\n")
        assert b"4111111111111111" not in sock.makefile("rb").read()
    assert capfd.readouterr() == ("", "")


def test_its_port_is_free_again_at_once() -> None:
    bank = Bank()
    with SandboxServer(bank) as first:
        kept = http.client.HTTPConnection("127.0.0.1", first.port, timeout=10)
        assert post(kept)[0] == 200
    # The server closed the connection first: its end of it holds the port for a minute.
    kept.close()
    with SandboxServer(bank, port=first.port) as second:
        again = http.client.HTTPConnection("127.0.0.1", second.port, timeout=10)
        assert post(again)[0] == 200
        again.close()
    bank.close()
