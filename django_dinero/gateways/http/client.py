"""One request to a gateway. How it ends says what the caller may do next.

* It returns the body of the reply.
* It raises :class:`~django_dinero.exceptions.NotSent`: no byte of the request reached a socket, as
  the connection's own count proves (unknown host, refused, TLS failure, bad certificate, too late).
* It raises :class:`~django_dinero.exceptions.OutcomeUnknown`: something may have been sent, and no
  whole reply with status 200 came back (timeout, reset, cut off, redirect, too large, empty).

Errors of ``requests`` and ``urllib3`` hold the request's body, with the card number. None of them
leaves this module: ours are raised outside every ``except`` block, so that they have no context.
"""

from __future__ import annotations

import datetime
import os
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from django_dinero.exceptions import DineroError, NotSent, OutcomeUnknown
from django_dinero.gateways.http.connection import Call, Phase, current, drop_inherited_sockets
from django_dinero.gateways.http.failures import BadReply, reason
from django_dinero.gateways.http.pool import is_http, open_pool, tls_context, usual_tls_context
from django_dinero.gateways.locks import Lock
from django_dinero.observing import note_on_current
from django_dinero.redaction import scrub, without_frames
from django_dinero.send_deadline import check_may_send, time_left

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

_CHUNK = 65536
#: Bytes allowed beside the body. A body in small chunks may take as many again for its frames.
_HEADERS = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A request, whose ``repr`` shows neither headers nor body.

    Args:
        body: what is sent.
        headers: names and values.
        method: the HTTP method.
        path: what follows the client's own address.
        statuses: those of replies that say how it ended. After any other one nobody knows.
        may_be_empty: whether a reply without a body is one.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    method: str = "POST"
    path: str = ""
    statuses: frozenset[int] = frozenset({200})
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole reply; its body is not in the repr, since it may quote what was sent."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take, in seconds.

    Args:
        connect: for connecting to each address of the host, and for the TLS handshake.
        read: for each read and write.
        deadline: for the whole call. It interrupts neither the look-up of the host's name nor the
            attempts at its addresses, but nothing is sent if they took too long.

    Raises:
        ImproperlyConfigured: one of them is not above zero.
    """

    connect: float = 10.0
    read: float = 60.0
    deadline: float = 90.0

    def __post_init__(self) -> None:
        for each in fields(self):
            if not getattr(self, each.name) > 0:
                raise ImproperlyConfigured(f"The timeout {each.name!r} must be above 0 seconds.")


class HttpClient:
    """Posts to one address. One instance per gateway, used by any number of threads.

    A forked child opens its own connections. Proxies, credentials and certificates from the
    environment or a netrc are ignored, and redirects are not followed.

    Args:
        url: http or https.
        timeouts: seconds for each phase.
        ca_bundle: file or folder of certificates to trust instead of those of ``certifi``.
        proxy: address of a proxy to use.
        max_reply_bytes: a longer reply is not read.
        adapter: a ``requests`` adapter that answers in place of the network, for tests.
        pool_size: how many idle connections are kept.

    Raises:
        ImproperlyConfigured: an address or a file that cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        timeouts: Timeouts | None = None,
        ca_bundle: str | None = None,
        proxy: str | None = None,
        max_reply_bytes: int = 10 * 1024 * 1024,
        adapter: BaseAdapter | None = None,
        pool_size: int = 32,
    ) -> None:
        if not is_http(url) or "@" in urlsplit(url).netloc:
            raise ImproperlyConfigured("The gateway's address must be http(s)://host/path.")
        if proxy is not None and not is_http(proxy):
            raise ImproperlyConfigured("proxy: the address must be http(s)://host:port.")
        parts = urlsplit(url)
        self._url = url
        self._host = parts.netloc
        #: As OpenTelemetry names it.
        self._server: dict[str, str | int] = {"server.address": parts.hostname or ""}
        if parts.port is not None:
            self._server["server.port"] = parts.port
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # A proxy forwards plain http by its whole address; TLS goes through a tunnel.
        self._target = url if proxy and parts.scheme == "http" else path
        self._encrypted = parts.scheme == "https"
        self._timeouts = timeouts or Timeouts()
        self._ca_bundle = ca_bundle
        self._proxy = proxy
        self._max_reply_bytes = max_reply_bytes
        self._adapter = adapter
        self._pool_size = pool_size
        self._lock = Lock()
        # A bundle of the user's own is read now, so that an error shows at start; the usual one
        # is read when it is needed.
        self._context = tls_context(ca_bundle) if ca_bundle else None
        self._pool: urllib3.HTTPConnectionPool | None = None
        #: How far the server's clock is ahead of this machine's, by the last reply's Date header.
        self._clock_ahead: datetime.timedelta | None = None
        _clients.add(self)

    def __repr__(self) -> str:
        return f"<HttpClient to {self._host}>"

    def post(self, body: bytes, *, content_type: str, changes: bool) -> bytes:
        """Send ``body`` and return the body of the reply, which is never empty.

        Args:
            body: the request.
            content_type: its media type.
            changes: whether the request changes something at the gateway. One that does not is
                sent a second time if a kept connection turns out to be dead.

        Raises:
            NotSent: nothing reached the gateway.
            OutcomeUnknown: the request left, and no whole reply with status 200 came back.
        """
        message = Message(body, _headers(content_type))
        del body  # a traceback may show the locals of this frame
        return self.exchange(message, changes=changes).body

    def exchange(self, message: Message, *, changes: bool) -> HttpReply:
        """Send a request of any method and return the reply; see :meth:`post`.

        Raises:
            NotSent: nothing reached the gateway.
            OutcomeUnknown: the request left, and no whole reply with one of its statuses came back.
        """
        most = 2 * self._max_reply_bytes + _HEADERS
        call = Call(self._timeouts.read, time_left(self._timeouts.deadline), most)
        note_on_current(self._server)
        ending = self._attempt(call, message, changes)
        if isinstance(ending, DineroError) and _may_repeat(call, changes):
            call.fresh, call.phase = True, Phase.CONNECTING
            ending = self._attempt(call, message, changes)
        if isinstance(ending, BaseException):
            raise ending
        return ending

    def preload(self) -> None:
        """Read the certificates and make the pool, without a connection in it."""
        self._connections()

    def close(self) -> None:
        """Close idle connections; the next call opens a new one."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
        if self._adapter is not None:
            self._adapter.close()

    def forget(self) -> None:
        """Drop the parent's pool, in a forked child."""
        self._pool = None

    def _attempt(self, call: Call, message: Message, changes: bool) -> HttpReply | BaseException:
        """Return the reply, or the exception to raise; raised here, it would have a context.

        SystemExit and KeyboardInterrupt, by which a server stops a worker, come back too: the
        frames that they come through hold the request.
        """
        token = current.set(call)
        try:
            if self._adapter is None:
                return self._over_the_wire(call, message)
            return self._through(self._adapter, call, message)
        except NotSent as error:
            return NotSent(scrub(str(error)))
        except OutcomeUnknown as error:
            return OutcomeUnknown(scrub(str(error)))
        except Exception as error:
            why = reason(error)
        except BaseException as stop:
            return without_frames(stop)
        finally:
            current.reset(token)
        return self._ending(call, why, changes)

    def _over_the_wire(self, call: Call, message: Message) -> HttpReply:
        response = self._connections().urlopen(
            message.method,
            self._target + message.path,
            message.body,
            message.headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=urllib3.Timeout(
                connect=min(self._timeouts.connect, call.patience()), read=call.read_timeout
            ),
            preload_content=False,
            decode_content=False,
        )
        try:
            chunks = iter(lambda: response.read(_CHUNK), b"")
            return self._read(message, response.status, response.headers, chunks)
        finally:
            response.close()  # after a whole reply its connection is in the pool already

    def _through(self, adapter: BaseAdapter, call: Call, message: Message) -> HttpReply:
        """Let an adapter answer; nothing can be proven of what it did with the request."""
        # By name: calls over the network do not need it, and a first charge should not wait 20 ms.
        request = import_module("requests").PreparedRequest()
        request.prepare(
            method=message.method,
            url=self._url + message.path,
            headers=dict(message.headers),
            data=message.body,
        )
        check_may_send()
        call.touched, call.phase = True, Phase.READING
        response = adapter.send(
            request,
            stream=True,
            timeout=(self._timeouts.connect, self._timeouts.read),
            verify=self._ca_bundle or True,
            cert=None,
            proxies={self._url.partition(":")[0]: self._proxy} if self._proxy else {},
        )
        try:
            chunks = response.iter_content(_CHUNK)
            return self._read(message, response.status_code, response.headers, chunks)
        finally:
            response.close()

    @property
    def server_time(self) -> datetime.datetime | None:
        """The server's time now, to the second, by its last reply; None if that told none."""
        ahead = self._clock_ahead
        return None if ahead is None else datetime.datetime.now(datetime.UTC) + ahead

    def _read(
        self, message: Message, status: int, headers: Mapping[str, str], chunks: Iterator[bytes]
    ) -> HttpReply:
        self._clock_ahead = _ahead(headers.get("Date", ""))
        note_on_current({"http.response.status_code": status})
        if status not in message.statuses:
            raise BadReply(f"HTTP status {status}")
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise BadReply("a compressed reply, which was not asked for")
        length = headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._max_reply_bytes:
            raise self._too_long()
        parts: list[bytes] = []
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > self._max_reply_bytes:
                raise self._too_long()
            parts.append(chunk)
        if not size and not message.may_be_empty:
            raise BadReply("an empty reply")
        return HttpReply(status, b"".join(parts))

    def _too_long(self) -> BadReply:
        return BadReply(f"a reply of more than {self._max_reply_bytes} bytes")

    def _ending(self, call: Call, why: str, changes: bool) -> DineroError:
        words = {
            "host": self._host,
            "reason": "the deadline has passed" if call.expired else scrub(why),
            "phase": call.phase,
            "seconds": f"{call.elapsed:.1f}",
        }
        if call.touched and changes:
            text = _("%(host)s may have done it: %(reason)s (%(phase)s, %(seconds)s s).")
            return OutcomeUnknown(text % words)
        if call.touched:
            text = _(
                "No answer came from %(host)s to a question that changes nothing: %(reason)s "
                "(%(phase)s, %(seconds)s s)."
            )
            return OutcomeUnknown(text % words)
        text = _("Nothing was sent to %(host)s: %(reason)s (%(phase)s, %(seconds)s s).")
        return NotSent(text % words)

    def _connections(self) -> urllib3.HTTPConnectionPool:
        pool = self._pool
        if pool is not None:
            return pool
        with self._lock:
            if self._pool is None:
                if self._encrypted and self._context is None:
                    self._context = usual_tls_context()
                self._pool = open_pool(
                    self._url, context=self._context, proxy=self._proxy, size=self._pool_size
                )
            return self._pool


def _ahead(date: str) -> datetime.timedelta | None:
    """Return how far a Date header is ahead of this machine's clock; None if it tells no time.

    No clock is a day wrong: such a header is of a broken server, or of a proxy's cache.
    """
    try:
        told = parsedate_to_datetime(date)
        # "-0000" is UTC without a word about the zone (RFC 5322).
        told = told if told.tzinfo else told.replace(tzinfo=datetime.UTC)
        ahead = told - datetime.datetime.now(datetime.UTC)
    except (ValueError, OverflowError):
        return None
    return ahead if abs(ahead) <= datetime.timedelta(days=1) else None


def _headers(content_type: str) -> dict[str, str]:
    return {
        "Content-Type": content_type,
        "Accept-Encoding": "identity",  # a small compressed reply can unpack to any size
        "User-Agent": "django-dinero",
    }


def _may_repeat(call: Call, changes: bool) -> bool:
    """Say whether to try again because a kept connection was dead: nothing came back on it.

    A server closes idle connections when it likes. A call that only reads may go out again. One
    that changes something may do so only if no byte of it left.
    """
    if not call.reused or call.fresh or call.answered or call.expired:
        return False
    return not (call.touched and changes)


#: The clients of this process, for a forked child to drop their pools.
_clients: weakref.WeakSet[HttpClient] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    drop_inherited_sockets()
    for client in list(_clients):
        client.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
