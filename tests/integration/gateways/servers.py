"""Servers on loopback that answer, or break, the way a test says."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

#: Longer than any test waits; a hanging server thread ends by it.
PATIENCE = 20.0


class Line:
    """One connection as the server sees it."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock: Any = sock
        self.number = number
        #: Application bytes that arrived, all of them.
        self.received = b""
        #: Set when the client closed its end.
        self.hung_up = threading.Event()
        #: For a test to set, where a script waits for it.
        self.go = threading.Event()
        #: Set when the script came to its end and the server closed its own end.
        self.done = threading.Event()
        self._unread = b""

    def request(self) -> tuple[bytes, bytes] | None:
        """Read one request, as head and body; None when the client has closed."""
        while b"\r\n\r\n" not in self._unread:
            if not self._more():
                return None
        head, _, rest = self._unread.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(rest) < length:
            if not self._more():
                return None
            rest = self._unread.partition(b"\r\n\r\n")[2]
        self._unread = rest[length:]
        return head, rest[:length]

    def _more(self) -> bool:
        try:
            got = self.sock.recv(65536)
        except OSError:
            got = b""
        self.received += got
        self._unread += got
        if not got:
            self.hung_up.set()
        return bool(got)

    def reply(self, body: bytes = b"ok", status: int = 200, **headers: str) -> None:
        """Send a whole reply that keeps the connection open."""
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def say(self, data: bytes) -> None:
        """Send bytes as they are."""
        with contextlib.suppress(OSError):
            self.sock.sendall(data)

    def reset(self) -> None:
        """Break the connection: the client's next read or write fails."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script = Callable[[Line], None]


class Server:
    """Runs a script for each connection, in a thread of its own, until the test ends.

    Args:
        script: what to do with a connection; when it returns, the connection is closed.
        tls: for https; a failed handshake is no connection.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.lines: list[Line] = []
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        """An address on this server."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}/api"

    @property
    def received(self) -> bytes:
        """What arrived on all connections together."""
        return b"".join(line.received for line in self.lines)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop_listening()
        for line in list(self.lines):
            with contextlib.suppress(OSError):
                line.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    def stop_listening(self) -> None:
        """Refuse every further connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        if self._tls is not None:
            try:
                sock = self._tls.wrap_socket(sock, server_side=True)
            except OSError:
                sock.close()
                return
        line = Line(sock, len(self.lines))
        self.lines.append(line)
        try:
            self._script(line)
        finally:
            line.sock.close()
            line.done.set()


def echo(line: Line) -> None:
    """Answer every request with its own body."""
    while (request := line.request()) is not None:
        line.reply(b"<" + request[1] + b">")
