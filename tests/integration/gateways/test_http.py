"""The three endings of a call, over real sockets: a reply, NotSent, OutcomeUnknown."""

from __future__ import annotations

import datetime
import gzip
import itertools
import pickle
import ssl
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from django_dinero.exceptions import DineroError, NotSent, OutcomeUnknown
from django_dinero.gateways.http.client import HttpClient, Timeouts
from django_dinero.send_deadline import reading_for, send_before
from tests.integration.gateways.servers import PATIENCE, Line, Server, echo
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

NUMBER = "4111111111111111"
BODY = f"<card>{NUMBER}</card>".encode()
SHORT = Timeouts(connect=0.3, read=0.3, deadline=5)


def post(client: HttpClient, *, changes: bool = True, body: bytes = BODY) -> bytes:
    try:
        return client.post(body, content_type="text/xml", changes=changes)
    finally:
        client.close()


def hidden_places(error: BaseException) -> Iterator[object]:
    """Everything that an error tracker could find on an exception, in our own frames too."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        thing = pending.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, BaseException):
            pending += [thing.__cause__, thing.__context__, *thing.args, vars(thing)]
            frame: types.TracebackType | None = thing.__traceback__
            while frame is not None:
                if "django_dinero" in frame.tb_frame.f_code.co_filename:
                    pending.append(frame.tb_frame.f_locals)
                frame = frame.tb_next
        elif isinstance(thing, dict):
            pending += list(thing.values())
        elif isinstance(thing, list | tuple | set):
            pending += list(thing)


def fails(
    client: HttpClient, expected: type[DineroError], *said: str, changes: bool = True
) -> DineroError:
    """Post a card number; check the class of the error, its words, and that it keeps silent."""
    with pytest.raises(DineroError) as caught:
        post(client, changes=changes)
    error = caught.value
    assert type(error) is expected
    for text in said:
        assert text in str(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    for place in hidden_places(error):
        assert NUMBER not in repr(place)
    assert NUMBER.encode() not in pickle.dumps(error)
    return error


# -- A reply ------------------------------------------------------------------------------------


def test_the_body_of_a_reply_comes_back(secure: Server, ca_bundle: str) -> None:
    assert post(HttpClient(secure.url, ca_bundle=ca_bundle)) == b"<" + BODY + b">"
    head = secure.received.split(b"\r\n\r\n")[0].decode().lower().split("\r\n")
    assert head[0] == "post /api http/1.1"
    assert "content-type: text/xml" in head
    assert "accept-encoding: identity" in head
    assert f"content-length: {len(BODY)}" in head


def test_a_query_in_the_address_is_kept() -> None:
    with Server(echo) as server:
        post(HttpClient(f"{server.url}?test=1"))
        assert server.received.startswith(b"POST /api?test=1 HTTP/1.1\r\n")


def test_a_reply_in_chunks_and_one_that_ends_with_the_connection() -> None:
    def chunked(line: Line) -> None:
        line.request()
        line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        line.say(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    def to_the_end(line: Line) -> None:
        line.request()
        line.say(b"HTTP/1.0 200 OK\r\n\r\nonetwo")

    for script in (chunked, to_the_end):
        with Server(script) as server:
            assert post(HttpClient(server.url)) == b"onetwo"


def test_a_large_request_and_a_large_reply(secure: Server, ca_bundle: str) -> None:
    body = bytes(range(256)) * 4096
    assert post(HttpClient(secure.url, ca_bundle=ca_bundle), body=body) == b"<" + body + b">"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_later_are_spoken(
    tls: ssl.SSLContext, ca_bundle: str, version: ssl.TLSVersion
) -> None:
    tls.minimum_version = tls.maximum_version = version
    with Server(echo, tls) as server:
        assert post(HttpClient(server.url, ca_bundle=ca_bundle)) == b"<" + BODY + b">"


# -- Nothing was sent ---------------------------------------------------------------------------


def test_refused() -> None:
    port = free_port()
    client = HttpClient(f"https://127.0.0.1:{port}/api")
    fails(client, NotSent, f"127.0.0.1:{port}", "Connection refused", "connecting")


def test_no_such_name() -> None:
    fails(HttpClient("https://no-such-gateway.invalid/api"), NotSent, "no-such-gateway.invalid")


def test_a_certificate_of_somebody_else(secure: Server) -> None:
    fails(HttpClient(secure.url), NotSent, "bad certificate", "unable to get local issuer")
    assert secure.received == b""


def test_a_certificate_for_another_host(
    authority: trustme.CA, ca_bundle: str, tls: ssl.SSLContext
) -> None:
    with Server(echo, tls) as server:
        client = HttpClient(server.url.replace("localhost", "127.0.0.1"), ca_bundle=ca_bundle)
        fails(client, NotSent, "bad certificate", "127.0.0.1")
        assert server.received == b""


def test_an_expired_certificate(authority: trustme.CA, ca_bundle: str) -> None:
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", not_after=long_ago).configure_cert(context)
    with Server(echo, context) as server:
        client = HttpClient(server.url, ca_bundle=ca_bundle)
        fails(client, NotSent, "bad certificate", "expired")
        assert server.received == b""


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_a_server_of_old_tls(tls: ssl.SSLContext, ca_bundle: str) -> None:
    tls.set_ciphers("ALL:@SECLEVEL=0")
    tls.minimum_version = ssl.TLSVersion.TLSv1_1
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with Server(echo, tls) as server:
        fails(HttpClient(server.url, ca_bundle=ca_bundle), NotSent, "TLS failed")
        assert server.received == b""


def test_plain_text_where_tls_is_due() -> None:
    def greet(line: Line) -> None:
        line.say(b"220 this is no TLS\r\n")
        line.request()

    with Server(greet) as server:
        client = HttpClient(server.url.replace("http:", "https:"))
        fails(client, NotSent, "TLS failed")
        assert NUMBER.encode() not in server.received


def test_a_server_that_does_not_shake_hands() -> None:
    def silent(line: Line) -> None:
        while line.sock.recv(65536):
            pass

    with Server(silent) as server:
        client = HttpClient(server.url.replace("http:", "https:"), timeouts=SHORT)
        fails(client, NotSent, "timed out", "connecting")


def test_a_hang_up_during_the_handshake() -> None:
    with Server(lambda line: line.reset()) as server:
        fails(HttpClient(server.url.replace("http:", "https:")), NotSent, "connecting")


def test_too_late_to_send(secure: Server, ca_bundle: str) -> None:
    client = HttpClient(secure.url, ca_bundle=ca_bundle)
    token = send_before.set(time.monotonic() - 1)
    try:
        error = fails(client, NotSent, "held up")
    finally:
        send_before.reset(token)
    assert isinstance(error, NotSent)
    assert secure.received == b""


def test_too_late_to_send_on_a_kept_connection(secure: Server, ca_bundle: str) -> None:
    client = HttpClient(secure.url, ca_bundle=ca_bundle)
    client.post(b"first", content_type="text/xml", changes=True)
    token = send_before.set(time.monotonic() - 1)
    try:
        fails(client, NotSent, "held up")
    finally:
        send_before.reset(token)
    assert secure.received.endswith(b"first")
    assert len(secure.lines) == 1


def test_a_worker_whose_time_is_up_asks_for_nothing(secure: Server, ca_bundle: str) -> None:
    client = HttpClient(secure.url, ca_bundle=ca_bundle)
    with reading_for(0):
        fails(client, NotSent, "the deadline has passed")
    assert secure.received == b""


def test_a_worker_with_little_time_waits_no_longer() -> None:
    """A webhook's worker has seconds, whatever the gateway's own deadline is."""
    before = time.monotonic()
    with Server(never) as server, reading_for(0.3):
        fails(HttpClient(server.url), OutcomeUnknown, "the deadline has passed")
    assert time.monotonic() - before < 5


# -- Sent, and no answer ------------------------------------------------------------------------


def reset_at_once(line: Line) -> None:
    line.sock.recv(1)
    line.reset()


def reset_after_the_request(line: Line) -> None:
    line.request()
    line.reset()


def hang_up(line: Line) -> None:
    line.request()


def reset_after_the_headers(line: Line) -> None:
    line.request()
    line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    line.reset()


def cut_off(line: Line) -> None:
    line.request()
    line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def cut_off_in_a_chunk(line: Line) -> None:
    line.request()
    line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf")


def no_http(line: Line) -> None:
    line.request()
    line.say(b"what?\r\n\r\n")


def never(line: Line) -> None:
    line.request()
    line.request()


def never_the_body(line: Line) -> None:
    line.request()
    line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    line.request()


def status(code: int, **headers: str) -> Callable[[Line], None]:
    def script(line: Line) -> None:
        line.request()
        line.reply(NUMBER.encode(), code, **headers)

    return script


def compressed(line: Line) -> None:
    line.request()
    line.reply(gzip.compress(b"x" * 1000), Content_Encoding="gzip")


def empty(line: Line) -> None:
    line.request()
    line.reply(b"")


def too_long_and_says_so(line: Line) -> None:
    line.request()
    line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2001\r\n\r\n")
    line.request()  # sends no body: the client must not wait for it


def endless(head: bytes, more: bytes) -> Callable[[Line], None]:
    """Answer with ``head``, then with ``more`` until the client has had enough."""

    def script(line: Line) -> None:
        line.request()
        line.say(head)
        until = time.monotonic() + PATIENCE
        while not line.hung_up.is_set() and time.monotonic() < until:
            try:
                line.sock.sendall(more)
            except OSError:
                return

    return script


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
too_long = endless(CHUNKED, b"64\r\n" + b"x" * 100 + b"\r\n")
# In all of these http.client itself reads on and on.
a_negative_chunk = endless(CHUNKED + b"-1\r\n", b"x" * 1000)
trailers = endless(CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n" * 100)
interim_replies = endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
headers = endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 50_000 + b"\r\n")


LOST: list[Any] = [
    pytest.param(reset_at_once, "", id="reset at once"),
    pytest.param(reset_after_the_request, "", id="reset after the request"),
    pytest.param(hang_up, "closed without a reply", id="closed after the request"),
    pytest.param(reset_after_the_headers, "", id="reset after the headers"),
    pytest.param(cut_off, "cut off", id="body cut off"),
    pytest.param(cut_off_in_a_chunk, "cut off", id="chunk cut off"),
    pytest.param(no_http, "no HTTP", id="no http"),
    pytest.param(never, "timed out", id="no reply"),
    pytest.param(never_the_body, "timed out", id="half a reply"),
    pytest.param(status(500), "HTTP status 500", id="500"),
    pytest.param(status(502), "HTTP status 502", id="502"),
    pytest.param(status(404), "HTTP status 404", id="404"),
    pytest.param(status(201), "HTTP status 201", id="201"),
    pytest.param(compressed, "compressed", id="compressed"),
    pytest.param(empty, "empty reply", id="empty"),
    pytest.param(too_long_and_says_so, "more than 2000 bytes", id="too long, known"),
    pytest.param(too_long, "more than 2000 bytes", id="too long, unknown"),
    pytest.param(a_negative_chunk, "without end", id="negative chunk"),
    pytest.param(trailers, "without end", id="trailers"),
    pytest.param(interim_replies, "without end", id="interim replies"),
    pytest.param(headers, "without end", id="headers"),
]


@pytest.mark.parametrize("changes", [True, False], ids=["change", "read"])
@pytest.mark.parametrize("encrypted", [True, False], ids=["https", "http"])
@pytest.mark.parametrize(("script", "said"), LOST)
def test_no_answer_to_what_was_sent(
    tls: ssl.SSLContext,
    ca_bundle: str,
    script: Callable[[Line], None],
    said: str,
    encrypted: bool,
    changes: bool,
) -> None:
    with Server(script, tls if encrypted else None) as server:
        client = HttpClient(server.url, timeouts=SHORT, ca_bundle=ca_bundle, max_reply_bytes=2000)
        fails(client, OutcomeUnknown, f"localhost:{server.port}", said, changes=changes)
        assert len(server.lines) == 1


def test_a_redirect_is_not_followed() -> None:
    with Server(echo) as other, Server(status(302, Location=other.url)) as server:
        fails(HttpClient(server.url), OutcomeUnknown, "HTTP status 302")
        assert other.lines == []


def test_a_server_that_stops_reading() -> None:
    def deaf(line: Line) -> None:
        line.sock.recv(10)
        line.hung_up.wait(2)

    with Server(deaf) as server, pytest.raises(OutcomeUnknown, match="sending"):
        post(HttpClient(server.url, timeouts=SHORT), body=b"x" * 50_000_000)


def drip(line: Line, data: bytes) -> None:
    """Send byte by byte, always in time for a timeout of 0.3 s."""
    until = time.monotonic() + PATIENCE
    for byte in itertools.cycle(data):
        try:
            line.sock.sendall(bytes([byte]))
        except OSError:
            return
        time.sleep(0.05)
        if time.monotonic() > until:
            return


def drip_headers(line: Line) -> None:
    line.request()
    line.say(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    drip(line, b"x")


def drip_body(line: Line) -> None:
    line.request()
    line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(line, b"x")


def drip_interim_replies(line: Line) -> None:
    line.request()
    drip(line, b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("script", [drip_headers, drip_body, drip_interim_replies])
@pytest.mark.parametrize("encrypted", [True, False], ids=["https", "http"])
def test_a_slow_drip_does_not_outlast_the_deadline(
    tls: ssl.SSLContext, ca_bundle: str, script: Callable[[Line], None], encrypted: bool
) -> None:
    with Server(script, tls if encrypted else None) as server:
        timeouts = Timeouts(connect=5, read=0.3, deadline=0.8)
        client = HttpClient(server.url, timeouts=timeouts, ca_bundle=ca_bundle)
        fails(client, OutcomeUnknown, "deadline")


def test_an_error_of_the_caller_is_not_taken_for_the_cause() -> None:
    client = HttpClient(f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(NotSent, match="Connection refused"):
        try:
            raise KeyError("something of the caller")
        except KeyError:
            post(client)


def test_the_wire_is_not_logged(
    secure: Server,
    ca_bundle: str,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    with caplog.at_level("DEBUG"):
        assert post(HttpClient(secure.url, ca_bundle=ca_bundle)) == b"<" + BODY + b">"
    assert "/api" in caplog.text  # urllib3 says where to, and no more
    assert NUMBER not in caplog.text
    assert NUMBER not in capsys.readouterr().out


def test_unlike_ours_the_guard_of_this_file_finds_a_leak() -> None:
    leak = NotSent("x")
    leak.__context__ = ValueError({"body": BODY})
    assert any(NUMBER in repr(place) for place in hidden_places(leak))
