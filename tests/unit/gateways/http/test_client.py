"""The HTTP client without a socket: its options, its adapter, what it makes of errors."""

from __future__ import annotations

import datetime
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from certifi import where
from django.core.exceptions import ImproperlyConfigured
from requests.adapters import BaseAdapter

from django_dinero.exceptions import CardDeclinedError, NotSent, OutcomeUnknown
from django_dinero.gateways.http.client import HttpClient, Timeouts
from django_dinero.send_deadline import send_before
from tests.support.sinks import traceback_with_locals

NUMBER = "4111111111111111"
URL = "https://gateway.example/api?x=1"

Answer = Callable[[requests.PreparedRequest], requests.Response]


class Canned(BaseAdapter):
    """Answers in place of the network, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[requests.PreparedRequest] = []
        self.options: dict[str, Any] = {}
        self.closed = False

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        self.requests.append(request)
        self.options = options
        return self.answer(request)

    def close(self) -> None:
        self.closed = True


def saying(body: bytes = b"<ok/>", status: int = 200, **headers: str) -> Answer:
    def answer(request: requests.PreparedRequest) -> requests.Response:
        response = requests.Response()
        response.status_code = status
        response.headers.update({name.replace("_", "-"): v for name, v in headers.items()})
        response._content = body
        response._content_consumed = True  # type: ignore[attr-defined]
        return response

    return answer


def raising(kind: type[Exception]) -> Answer:
    def answer(request: requests.PreparedRequest) -> requests.Response:
        if issubclass(kind, requests.RequestException):
            raise kind(NUMBER, request=request)
        raise kind(f"about {NUMBER}")

    return answer


def post(adapter: Canned, **options: Any) -> bytes:
    client = HttpClient(URL, adapter=adapter, **options)
    return client.post(NUMBER.encode(), content_type="text/xml", changes=True)


def test_an_adapter_answers_in_place_of_the_network() -> None:
    adapter = Canned(saying(b"<ok/>"))
    options = {"timeouts": Timeouts(1, 2, 3), "ca_bundle": where(), "proxy": "http://p:1"}
    assert post(adapter, **options) == b"<ok/>"
    (request,) = adapter.requests
    assert (request.method, request.url, request.body) == ("POST", URL, NUMBER.encode())
    assert request.headers["Content-Type"] == "text/xml"
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.headers["Content-Length"] == "16"
    assert adapter.options == {
        "stream": True,
        "timeout": (1, 2),
        "verify": where(),
        "cert": None,
        "proxies": {"https": "http://p:1"},
    }


def test_verification_is_always_on() -> None:
    adapter = Canned(saying())
    post(adapter)
    assert adapter.options["verify"] is True
    assert adapter.options["proxies"] == {}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (saying(status=500), "HTTP status 500"),
        (saying(status=302, Location="https://elsewhere.example"), "HTTP status 302"),
        (saying(b""), "an empty reply"),
        (saying(b"x" * 11), "more than 10 bytes"),
        (saying(b"", Content_Length="11"), "more than 10 bytes"),
        (saying(Content_Encoding="gzip"), "compressed"),
        (raising(requests.ConnectTimeout), "ConnectTimeout"),
        (raising(requests.ConnectionError), "ConnectionError"),
        (raising(ValueError), "ValueError"),
        (raising(OutcomeUnknown), "about"),
        (raising(CardDeclinedError), "CardDeclinedError"),
    ],
)
def test_what_an_adapter_leaves_open_is_unknown(answer: Answer, said: str) -> None:
    with pytest.raises(OutcomeUnknown, match=said) as caught:
        post(Canned(answer), max_reply_bytes=10)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    assert NUMBER not in str(caught.value)
    assert caught.value.__dict__ == OutcomeUnknown(caught.value.message).__dict__


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (True, "gateway.example may have done it: HTTP status 500 "),
        (
            False,
            "No answer came from gateway.example to a question that changes nothing: HTTP status "
            "500 ",
        ),
    ],
)
def test_a_lost_answer_says_whether_something_may_have_been_done(changes: bool, said: str) -> None:
    client = HttpClient(URL, adapter=Canned(saying(status=500)))
    with pytest.raises(OutcomeUnknown) as caught:
        client.post(b"<ask/>", content_type="text/xml", changes=changes)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("encoding", ["identity", "Identity"])
def test_a_reply_that_is_not_compressed_may_say_so(encoding: str) -> None:
    assert post(Canned(saying(b"x" * 10, Content_Encoding=encoding)), max_reply_bytes=10)


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Sat, 28 Nov 2026 12:00:00 GMT", 0),
        ("Sat, 28 Nov 2026 11:40:00 -0000", -1200),
        ("Sat, 28 Nov 2026 14:20:00 +0200", 1200),
        ("2026-11-28T12:00:00Z", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
        ("Sat, 28 Nov 2026 12:00:00 +99999999999999999999", None),
        ("Sat, 28 Nov 99999999999999999999 12:00:00 GMT", None),
        ("", None),
    ],
)
def test_the_servers_clock_is_read_from_its_reply(
    date: str, ahead: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noon(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Noon:
            return cls(2026, 11, 28, 12, tzinfo=tz)

    monkeypatch.setattr(datetime, "datetime", Noon)
    client = HttpClient(URL, adapter=Canned(saying(Date=date)))
    assert client.server_time is None
    client.post(b"<x/>", content_type="text/xml", changes=False)
    told = client.server_time
    if ahead is None:
        assert told is None
    else:
        assert told is not None
        assert (told - Noon.now(datetime.UTC)).total_seconds() == ahead


def test_an_adapter_may_say_that_nothing_was_sent() -> None:
    with pytest.raises(NotSent, match="about") as caught:
        post(Canned(raising(NotSent)))
    assert NUMBER not in str(caught.value)
    assert caught.value.__context__ is None
    # Raised anew: the adapter's frames hold the request.
    frames = []
    traceback = caught.value.__traceback__
    while traceback is not None:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert "send" not in frames
    assert "answer" not in frames


def test_too_late_to_ask_an_adapter() -> None:
    adapter = Canned(saying())
    token = send_before.set(time.monotonic() - 1)
    try:
        with pytest.raises(NotSent, match="held up"):
            post(adapter)
    finally:
        send_before.reset(token)
    assert adapter.requests == []


def test_close_closes_the_adapter() -> None:
    adapter = Canned(saying())
    HttpClient(URL, adapter=adapter).close()
    assert adapter.closed


@pytest.mark.parametrize("name", ["connect", "read", "deadline"])
@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_is_above_zero(name: str, seconds: float) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        Timeouts(**{name: seconds})


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gateway.example",
        "ftp://gateway.example",
        "https://",
        "https://me:mine@host/",
        "https://host:port/",
        "https://host:0/",
        "https://me:mine@[::1",
    ],
)
def test_an_address_is_http_without_a_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="address") as caught:
        HttpClient(url)
    assert "mine" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["", "mine:8080", "socks5://mine", "http://", "http://mine:x", "http://mine@[::1"]
)
def test_a_proxy_is_http(proxy: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="proxy") as caught:
        HttpClient(URL, proxy=proxy)
    assert "mine" not in str(caught.value)


def test_a_bundle_that_cannot_be_read_is_named() -> None:
    for bundle in ("nowhere.pem", __file__):
        with pytest.raises(ImproperlyConfigured, match="ca_bundle") as caught:
            HttpClient(URL, ca_bundle=bundle)
        assert bundle in str(caught.value)


def test_repr_shows_the_host_alone() -> None:
    client = HttpClient(URL, proxy="http://me:mine@proxy.example")
    assert repr(client) == "<HttpClient to gateway.example>"


def test_nothing_imports_requests_before_a_gateway_is_used() -> None:
    program = (
        "import sys, django_dinero, django_dinero.gateways.base, django_dinero.gateways.registry\n"
        "sys.exit('requests' in sys.modules or 'urllib3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# -- A worker that is stopped ----------------------------------------------------------------------


class Stopping(BaseAdapter):
    """Is interrupted while its frame holds the request."""

    def __init__(self, stop: type[BaseException]) -> None:
        super().__init__()
        self.stop = stop

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        body = request.body
        try:
            raise OSError(body)
        except OSError:
            raise self.stop  # noqa: B904

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("stop", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_stops_a_worker_leaves_without_the_request(stop: type[BaseException]) -> None:
    client = HttpClient(URL, adapter=Stopping(stop))
    with pytest.raises(stop) as caught:
        client.post(b"4111111111111111", content_type="text/xml", changes=True)
    assert "4111" not in traceback_with_locals(caught.value, skip=__file__)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
