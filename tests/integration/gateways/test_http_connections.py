"""Which connection a call takes: kept ones, dead ones, a forked child's, a proxy's."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways import registry
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.http import connection
from django_dinero.gateways.http.client import HttpClient
from tests.integration.gateways.servers import PATIENCE, Line, Server, echo
from tests.support.ports import free_port

pytestmark = pytest.mark.slow


def post(client: HttpClient, body: bytes = b"hello", *, changes: bool = True) -> bytes:
    return client.post(body, content_type="text/xml", changes=changes)


@pytest.fixture
def client(secure: Server, ca_bundle: str) -> Iterator[HttpClient]:
    """A client of the echoing https server."""
    client = HttpClient(secure.url, ca_bundle=ca_bundle)
    yield client
    client.close()


# -- Kept connections ---------------------------------------------------------------------------


def test_twenty_calls_take_one_connection(secure: Server, client: HttpClient) -> None:
    for number in range(20):
        assert post(client, b"%d" % number) == b"<%d>" % number
    assert len(secure.lines) == 1


def test_a_closed_client_opens_a_new_connection(secure: Server, client: HttpClient) -> None:
    post(client)
    client.close()
    assert secure.lines[0].hung_up.wait(PATIENCE)
    assert post(client) == b"<hello>"
    assert len(secure.lines) == 2


def test_an_old_connection_is_not_used_again(
    secure: Server, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client)
    monkeypatch.setattr(connection, "MAX_IDLE", -1.0)
    post(client)
    assert len(secure.lines) == 2


def test_certificates_are_loaded_once(
    secure: Server, ca_bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def counted(self: ssl.SSLContext, *args: Any, **options: Any) -> None:
        loaded.append(args)
        load(self, *args, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", counted)
    client = HttpClient(secure.url, ca_bundle=ca_bundle)
    for _ in range(3):
        post(client)
        client.close()
    assert len(secure.lines) == 3
    assert len(loaded) == 1


def test_cookies_and_passwords_of_the_user_stay_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def baker(line: Line) -> None:
        while line.request() is not None:
            line.reply(b"ok", Set_Cookie="a=b; Path=/")

    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Server(baker) as server:
        client = HttpClient(server.url)
        post(client)
        post(client)
        client.close()
        heads = server.received.lower()
        assert b"cookie" not in heads
        assert b"authorization" not in heads


# -- Dead connections ---------------------------------------------------------------------------


def once(end: Callable[[Line], None]) -> Callable[[Line], None]:
    """Answer one request on the first connection and end it; echo on the others."""

    def script(line: Line) -> None:
        if line.number:
            echo(line)
        elif line.request() is not None:
            line.reply()
            line.go.wait(PATIENCE)
            end(line)

    return script


def first_call_and_end(server: Server, client: HttpClient) -> None:
    """Get the first reply, then let the server end the connection."""
    assert post(client, b"first") == b"ok"
    server.lines[0].go.set()
    assert server.lines[0].done.wait(PATIENCE)


def reset(line: Line) -> None:
    line.reset()


def close(line: Line) -> None:
    line.sock.close()


@pytest.mark.parametrize("end", [close, reset])
@pytest.mark.parametrize("encrypted", [True, False], ids=["https", "http"])
def test_a_connection_that_the_server_closed_is_replaced(
    tls: ssl.SSLContext, ca_bundle: str, end: Callable[[Line], None], encrypted: bool
) -> None:
    with Server(once(end), tls if encrypted else None) as server:
        client = HttpClient(server.url, ca_bundle=ca_bundle)
        first_call_and_end(server, client)
        assert post(client, b"second") == b"<second>"
        client.close()
        assert server.received.count(b"second") == 1
        assert len(server.lines) == 2


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server closes just after the look at the connection, before the write."""

    def is_connected(self: object) -> bool:
        return not connection.current.get().fresh

    monkeypatch.setattr(connection.Counted, "is_connected", property(is_connected))


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize("changes", [True, False], ids=["change", "read"])
@pytest.mark.parametrize("encrypted", [True, False], ids=["https", "http"])
def test_a_write_that_is_refused_goes_out_on_a_new_connection(
    tls: ssl.SSLContext, ca_bundle: str, encrypted: bool, changes: bool
) -> None:
    with Server(once(reset), tls if encrypted else None) as server:
        client = HttpClient(server.url, ca_bundle=ca_bundle)
        first_call_and_end(server, client)
        assert post(client, b"second", changes=changes) == b"<second>"
        client.close()
        assert server.received.count(b"second") == 1
        assert len(server.lines) == 2


@pytest.mark.usefixtures("blind")
def test_a_refused_write_is_tried_once_more_and_no_more() -> None:
    with Server(once(reset)) as server:
        client = HttpClient(server.url)
        first_call_and_end(server, client)
        server.stop_listening()
        with pytest.raises(NotSent, match="Connection refused"):
            post(client, b"second")
        assert b"second" not in server.received


@pytest.mark.usefixtures("blind")
def test_what_a_dead_connection_accepted_is_not_sent_again() -> None:
    """The kernel takes a write to a peer that is gone: that counts as sent."""
    with Server(once(close)) as server:
        client = HttpClient(server.url)
        first_call_and_end(server, client)
        with pytest.raises(OutcomeUnknown):
            post(client, b"second")
        client.close()
        assert len(server.lines) == 1


@pytest.mark.usefixtures("blind")
def test_a_read_is_sent_again() -> None:
    with Server(once(close)) as server:
        client = HttpClient(server.url)
        first_call_and_end(server, client)
        assert post(client, b"second", changes=False) == b"<second>"
        client.close()
        assert len(server.lines) == 2


def test_a_read_on_a_connection_that_was_opened_anew_is_not_sent_again() -> None:
    def once_and_never_more(line: Line) -> None:
        line.request()
        if not line.number:
            line.reply()

    with Server(once_and_never_more) as server:
        client = HttpClient(server.url)
        post(client, b"first")
        assert server.lines[0].done.wait(PATIENCE)
        with pytest.raises(OutcomeUnknown, match="closed without a reply"):
            post(client, b"second", changes=False)
        client.close()
        assert len(server.lines) == 2


def test_a_read_that_was_answered_in_part_is_not_sent_again() -> None:
    def second_is_cut(line: Line) -> None:
        line.request()
        line.reply()
        line.request()
        line.say(b"HTTP/1.1 200 OK\r\nContent-Le")

    with Server(second_is_cut) as server:
        client = HttpClient(server.url)
        post(client, b"first")
        with pytest.raises(OutcomeUnknown):
            post(client, b"second", changes=False)
        assert len(server.lines) == 1


# -- Threads and processes ----------------------------------------------------------------------


def test_eight_threads_get_their_own_replies(secure: Server, client: HttpClient) -> None:
    together = threading.Barrier(8)

    def work(worker: int) -> list[bytes]:
        together.wait(PATIENCE)
        return [post(client, b"%d-%d" % (worker, call)) for call in range(20)]

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(work, range(8)))
    assert replies == [[b"<%d-%d>" % (w, c) for c in range(20)] for w in range(8)]
    assert len(secure.lines) <= 8


def test_more_threads_than_kept_connections(secure: Server, ca_bundle: str) -> None:
    client = HttpClient(secure.url, ca_bundle=ca_bundle, pool_size=1)
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda n: post(client, b"%d" % n), range(12)))
    client.close()
    assert replies == [b"<%d>" % n for n in range(12)]


@contextlib.contextmanager
def in_a_fork(work: Callable[[], bytes]) -> Iterator[bytes]:
    """Run ``work`` in a forked child, which lives on until the block ends; give what it wrote."""
    reader, writer = os.pipe()
    quit_reader, quit_writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(quit_writer)
        try:
            os.write(writer, work())
            os.close(writer)
            select.select([quit_reader], [], [], PATIENCE)
        finally:
            os._exit(0)
    os.close(writer)
    os.close(quit_reader)
    try:
        with os.fdopen(reader, "rb") as pipe:
            yield pipe.read()
    finally:
        os.close(quit_writer)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("encrypted", [True, False], ids=["https", "http"])
def test_a_forked_child_takes_a_connection_of_its_own(
    tls: ssl.SSLContext, ca_bundle: str, encrypted: bool
) -> None:
    with Server(echo, tls if encrypted else None) as server:
        client = HttpClient(server.url, ca_bundle=ca_bundle)
        post(client, b"before")
        with in_a_fork(lambda: post(client, b"child")) as wrote:
            assert wrote == b"<child>"
            assert post(client, b"parent") == b"<parent>"
            first, second = server.lines
            assert first.received.count(b"POST") == 2
            assert first.received.endswith(b"parent")
            assert second.received.endswith(b"child")
            client.close()
            # The child lives and holds no copy: the server sees the end at once.
            assert first.hung_up.wait(PATIENCE)


def test_a_fork_while_another_thread_opens_the_pool(secure: Server, client: HttpClient) -> None:
    post(client)
    with client._lock, in_a_fork(lambda: post(client, b"child")) as wrote:
        assert wrote == b"<child>"


def test_a_fork_while_other_threads_hold_every_lock_of_a_gateway(settings: Any) -> None:
    def answer(line: Line) -> None:
        while (request := line.request()) is not None:
            asked = re.search(rb"<(\w+)Request", request[1])
            assert asked is not None
            ok = b"<messages><resultCode>Ok</resultCode></messages>"
            line.reply(b"<%bResponse>%b</%bResponse>" % (asked[1], ok, asked[1]))

    with Server(answer) as server:
        options = {"login_id": "login", "transaction_key": "key", "endpoint": server.url}
        entry = {"BACKEND": f"{AuthorizeNetGateway.__module__}.AuthorizeNetGateway"}
        settings.DINERO = {"GATEWAYS": {"default": {**entry, "OPTIONS": options}}}
        gateway = registry.get_gateway()
        assert isinstance(gateway, AuthorizeNetGateway)

        def ask() -> bytes:
            gateway.fresh.add("10")
            child = registry.get_gateway()
            assert isinstance(child, AuthorizeNetGateway)
            return str(child.client.call("authenticateTest", {}, changes=False).ok).encode()

        with registry._lock, gateway._lock, gateway.fresh._lock, in_a_fork(ask) as wrote:
            assert wrote == b"True"


# -- Proxies ------------------------------------------------------------------------------------


def test_the_environment_is_not_asked(
    secure: Server, client: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, nobody)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing.pem"))
    assert post(client) == b"<hello>"
    assert len(secure.lines) == 1


def tunnel(line: Line) -> None:
    """Be a proxy: connect to where the client wants to go, and hand bytes on."""
    request = line.request()
    assert request is not None
    target = urlsplit("//" + request[0].split()[1].decode())
    with socket.create_connection(("127.0.0.1", target.port or 0)) as upstream:
        line.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        while True:
            ready, _, _ = select.select([line.sock, upstream], [], [], PATIENCE)
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                (upstream if source is line.sock else line.sock).sendall(data)


def test_a_given_proxy_is_used(secure: Server, ca_bundle: str) -> None:
    with Server(tunnel) as proxy:
        address = f"http://me:mine@127.0.0.1:{proxy.port}"
        client = HttpClient(secure.url, ca_bundle=ca_bundle, proxy=address)
        assert post(client) == b"<hello>"
        assert post(client) == b"<hello>"
        client.close()
        assert len(proxy.lines) == len(secure.lines) == 1
        seen = proxy.received
        assert seen.startswith(b"CONNECT localhost:%d HTTP/1." % secure.port)
        assert b"Basic " + base64.b64encode(b"me:mine") in seen
        assert b"hello" not in seen
        assert b"authorization" not in secure.received.lower()


def test_plain_http_through_a_proxy_names_the_whole_address() -> None:
    with Server(echo) as proxy:
        client = HttpClient("http://localhost:1/api?a=b", proxy=f"http://127.0.0.1:{proxy.port}")
        assert post(client) == b"<hello>"
        client.close()
        assert proxy.received.startswith(b"POST http://localhost:1/api?a=b HTTP/1.1\r\n")


def test_a_proxy_that_refuses(secure: Server, ca_bundle: str) -> None:
    def refuse(line: Line) -> None:
        line.request()
        line.say(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")

    with Server(refuse) as proxy:
        client = HttpClient(
            secure.url, ca_bundle=ca_bundle, proxy=f"http://me:mine@127.0.0.1:{proxy.port}"
        )
        with pytest.raises(NotSent, match="Tunnel connection failed: 407") as caught:
            post(client)
        assert "mine" not in str(caught.value)
        assert secure.received == b""


def test_a_proxy_that_is_not_there(secure: Server, ca_bundle: str) -> None:
    client = HttpClient(secure.url, ca_bundle=ca_bundle, proxy=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NotSent, match="Connection refused"):
        post(client)


def test_a_proxy_that_is_spoken_to_over_tls(
    secure: Server, tls: ssl.SSLContext, ca_bundle: str
) -> None:
    with Server(tunnel, tls) as proxy:
        client = HttpClient(
            secure.url, ca_bundle=ca_bundle, proxy=f"https://localhost:{proxy.port}"
        )
        assert post(client) == b"<hello>"
        assert post(client) == b"<hello>"
        client.close()
        assert len(secure.lines) == 1
