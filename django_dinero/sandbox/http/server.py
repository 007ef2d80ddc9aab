"""Serves the test bank over HTTP: HTTP/1.1 with connections kept open, on this machine only."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from django_dinero.logs import get_logger
from django_dinero.loopback import is_loopback
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.default import default_dialect, default_notifier
from django_dinero.sandbox.http import action_page
from django_dinero.sandbox.http.controls import Control, Counts
from django_dinero.sandbox.http.dates import date_header
from django_dinero.sandbox.http.exchange import Dialect, Notifier, Request, Response
from django_dinero.sandbox.http.faults import Dropped, Faults
from django_dinero.sandbox.http.sender import Sender
from django_dinero.sandbox.http.strangers import refusal_of

logger = get_logger(__name__)

CONTROL_PATH = "/_control/"
CONTROL_METHODS = ("GET", "POST")
#: Bytes; the largest request that is read.
MAX_BODY = 1 << 20
#: Seconds that a connection may stay idle.
IDLE = 75
#: A request with one of these methods must tell the length of its body.
_WITH_BODY = ("POST", "PUT", "PATCH")
#: Larger than any response but a full page of a list: such a response leaves in one write.
_BUFFER = 1 << 16


class SandboxServer:
    """A test bank behind an address, to be used in a ``with`` statement or by hand.

    Args:
        bank: whose vault and ledger answer.
        host: the address to listen on.
        port: 0 for any free one.
        ssl_context: serves HTTPS with it.
        allow_remote: permits a ``host`` that is not this machine. Whoever reaches the server has
            every control of the bank.
        dialect: how the bank speaks; that of :mod:`django_dinero.sandbox.dialects.default` unless
            given.
        faults: what goes wrong; none by default.
        notifier: the webhooks that it sends; the provider's of the default dialect unless given.

    Raises:
        ValueError: ``host`` is not of this machine, and ``allow_remote`` was not given.
        OSError: the port is taken.
    """

    def __init__(
        self,
        bank: Bank,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        allow_remote: bool = False,
        dialect: Dialect | None = None,
        faults: Faults | None = None,
        notifier: Notifier | None = None,
    ) -> None:
        if not allow_remote and not is_loopback(host):
            raise ValueError(f"host: {host!r} is not this machine; say allow_remote=True to serve.")
        self.bank = bank
        self.dialect = dialect or default_dialect(bank)
        self.faults = faults or Faults()
        self.counts = Counts()
        self.sender = Sender(bank, notifier or default_notifier(bank))
        self.control = Control(bank, self.faults, self.counts, self.sender)
        self._host = host
        self._scheme = "https" if ssl_context is not None else "http"
        self._listener = _Listener((host, port), self, ssl_context)
        self._thread: Thread | None = None
        self._served = False

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.server_address[1])

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{host}:{self.port}"

    @property
    def endpoint(self) -> str:
        """The address that a client is configured with."""
        return self.url + self.dialect.route.path

    @property
    def control_url(self) -> str:
        """The address of the controls; the name of one goes behind it."""
        return self.url + CONTROL_PATH

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self.counts.connections

    def start(self) -> None:
        """Serve in a thread of its own, until :meth:`stop`."""
        self._served = True
        self.sender.start()
        self._thread = Thread(target=self._serve, name="dinero-sandbox", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        self._listener.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Close every connection and end. The bank stays open."""
        self.faults.end_delays()
        self.sender.stop()
        if self._served:
            # It would wait for ever where nothing was served.
            self._listener.shutdown()
        self._listener.server_close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Listener(ThreadingHTTPServer):
    """Accepts connections, counts them, and closes those still open at the end."""

    daemon_threads = True
    # More than the standard library's 5: a burst of new connections must not wait for a retry.
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], owner: SandboxServer, context: ssl.SSLContext | None
    ) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        if context is not None:
            # Each connection shakes hands in its own thread.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def server_bind(self) -> None:
        """Bind, without the standard library's look-up of the host's name, which may take long."""
        if os.name == "posix":  # elsewhere it would let two servers share the port
            # Closed connections of a stopped bank hold its port for a minute.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        socket.socket.bind(self.socket, self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count the connection and keep it, to close it at the end."""
        self.owner.counts.connected()
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log failures, but not clients that left: tests cut connections on purpose."""
        if not isinstance(sys.exception(), OSError):
            logger.exception("The test bank failed to answer a request.")

    def server_close(self) -> None:
        """Close the port, then whatever is still connected."""
        super().server_close()
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            _cut(connection)


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "dinero-sandbox"
    sys_version = ""
    timeout = IDLE
    disable_nagle_algorithm = True
    wbufsize = _BUFFER
    server: _Listener

    def do_GET(self) -> None:
        """Answer what the dialect or the controls serve by this method."""
        served = (*CONTROL_METHODS, *self.server.owner.dialect.route.all_methods)
        if self.command in served:
            self._answer()
        else:
            self.send_error(501, f"Unsupported method ({self.command!r})")

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 - the names there

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a method, or what is no HTTP, in a line that a person can read."""
        phrase = message or self.responses.get(code, ("Refused",))[0]
        usage = self.server.owner.dialect.route.usage
        self._refuse(code, f"{phrase}. {usage[:1].upper()}{usage[1:]}.\n".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Log nothing: request lines and bodies are no business of a log."""

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        path = path.rstrip("/")
        owner = self.server.owner
        route = owner.dialect.route
        if path.startswith(CONTROL_PATH):
            request = Request(self.command, path, dict(self.headers.items()), body, query)
            name = path.removeprefix(CONTROL_PATH)
            refusal = refusal_of(request, owner.url)
            self._send(refusal or owner.control.answer(self.command, name, body))
        elif path.startswith(action_page.ACTION_PATH):
            request = Request(self.command, path, dict(self.headers.items()), body, query)
            self._send(action_page.answer(owner.bank, request, owner.url))
        elif not (methods := route.methods_at(path)):
            self._send(_plain(404, f"There is nothing here: {route.usage}.\n"))
        elif self.command not in methods:
            self._send(_plain(405, f"{', '.join(methods)} only.\n"))
        else:
            self._operate(Request(self.command, path, dict(self.headers.items()), body, query))

    def _operate(self, request: Request) -> None:
        owner = self.server.owner
        owner.counts.requested(owner.dialect.operation_of(request))
        try:
            self._send(owner.faults.answer(request, owner.dialect))
        except Dropped as dropped:
            self.close_connection = True
            if dropped.response is not None:
                self._head(dropped.response)
                self.wfile.write(dropped.sent)
                self.wfile.flush()

    def _body(self) -> bytes | None:
        """Read the body; refuse one without a length, or too large, and close."""
        length = self.headers.get("Content-Length", "" if self.command in _WITH_BODY else "0")
        if not (length.isascii() and length.isdigit()):
            self._refuse(411, b"Content-Length is missing, or no number.\n")
            return None
        if len(length) > 9 or int(length) > MAX_BODY:
            self._refuse(413, b"The body is too large.\n")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _refuse(self, status: int, text: bytes) -> None:
        self.close_connection = True
        self._send(Response(status, text, {"Content-Type": "text/plain", "Connection": "close"}))

    def _head(self, response: Response) -> None:
        self.send_response_only(response.status)
        self.send_header("Date", date_header(self.server.owner.bank))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()

    def _send(self, response: Response) -> None:
        self._head(response)
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()


def _plain(status: int, text: str) -> Response:
    return Response(status, text.encode(), {"Content-Type": "text/plain"})
