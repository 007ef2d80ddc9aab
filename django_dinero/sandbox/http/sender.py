"""Sends the bank's webhooks, in a thread of its own: no verb of the bank waits for them.

What the network and the provider do to webhooks can be asked for: they come late, twice, in another
order, or somebody else forges one.
"""

from __future__ import annotations

import heapq
import http.client
import itertools
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Condition, Thread
from urllib.parse import urlsplit

from django_dinero.logs import get_logger
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.changes import Change
from django_dinero.sandbox.http.exchange import Notifier, Told

logger = get_logger(__name__)

#: Seconds until the next attempt; after the last one nobody is told any more.
RETRIES = (1.0, 5.0, 30.0, 180.0)
#: Seconds that an endpoint may take.
TIMEOUT = 10.0
#: Bytes of its answer that are read.
ANSWER_BYTES = 65_536
#: Seconds between an event and the one that was kept back for it.
BEHIND = 0.1
#: How many deliveries are remembered.
REMEMBERED = 500


class TrickName(StrEnum):
    """What happens to an event on its way."""

    #: It comes ``seconds`` late.
    LATE = "late"
    #: It comes twice.
    TWICE = "twice"
    #: It comes behind the next one.
    SWAP = "swap"
    #: It never comes.
    LOSE = "lose"
    #: Somebody without the key sends it too, before the bank does.
    FORGE = "forge"


@dataclass(frozen=True, slots=True)
class Trick:
    """A trick that waits, and how often it will be played."""

    name: TrickName
    times: int = 1
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: ``status`` is that of the answer, 0 where there was none."""

    event: str
    url: str
    status: int
    attempt: int = 1
    forged: bool = False


@dataclass(order=True, slots=True)
class _Letter:
    due: float
    number: int
    url: str = field(compare=False)
    told: Told = field(compare=False)
    attempt: int = field(default=1, compare=False)
    forged: bool = field(default=False, compare=False)


class Sender:
    """Sends what happens at a bank to the endpoints that the account has; safe to share.

    Args:
        bank: whose changes are told.
        notifier: how they are told.
        post: sends one letter and returns the status of the answer; 0 for none.
    """

    def __init__(
        self,
        bank: Bank,
        notifier: Notifier,
        post: Callable[[str, bytes, Mapping[str, str]], int] | None = None,
    ) -> None:
        self._bank = bank
        self._notifier = notifier
        self._post = post or post_over_http
        self._changed = Condition()
        self._waiting: list[_Letter] = []
        self._kept_back: list[_Letter] = []
        self._tricks: list[Trick] = []
        self._sent: deque[Delivery] = deque(maxlen=REMEMBERED)
        self._numbers = itertools.count()
        self._ended = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Listen to the bank, and send in a thread until :meth:`stop`."""
        self._ended = False
        self._bank.store.listeners.append(self.tell)
        self._thread = Thread(target=self._run, name="dinero-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more; what waits is forgotten."""
        if self._thread is None:
            return
        self._bank.store.listeners.remove(self.tell)
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(TIMEOUT + 1)
        self._thread = None

    def play(self, name: str, *, times: int = 1, seconds: float = 1.0) -> Trick:
        """Let the next events be late, doubled, swapped, lost or forged.

        Args:
            name: one of :class:`TrickName`.
            times: how many events it happens to, 1 or more.
            seconds: how late a late one is, 0 or more.

        Raises:
            ValueError: there is no such trick, or a number is out of its range.
        """
        if name not in list(TrickName):
            raise ValueError(f"name: {name!r} is none of {', '.join(TrickName)}.")
        if times < 1 or not 0 <= seconds < 86_400:
            raise ValueError("times: 1 or more; seconds: 0 or more, and less than a day.")
        trick = Trick(TrickName(name), times, seconds)
        with self._changed:
            self._tricks.append(trick)
        return trick

    def clear(self) -> None:
        """Play no more tricks."""
        with self._changed:
            self._tricks.clear()

    def sent(self) -> tuple[Delivery, ...]:
        """Return the latest attempts, the first one first."""
        with self._changed:
            return tuple(self._sent)

    # -- From the bank to the queue ------------------------------------------------------------

    def tell(self, changes: Sequence[Change]) -> None:
        """Put what has changed into the queue, for every endpoint that wants it."""
        endpoints = self._bank.endpoints()
        told = [self._notifier.tell(change) for change in changes] if endpoints else []
        with self._changed:
            for each in told:
                urls = [e.url for e in endpoints if each is not None and e.wants(each.event)]
                if each is not None and urls:
                    self._enqueue(each, urls)
            self._changed.notify_all()

    def _enqueue(self, told: Told, urls: Sequence[str]) -> None:
        now, trick = time.monotonic(), self._next_trick()
        late = trick.seconds if trick is not None and trick.name is TrickName.LATE else 0.0
        letters = [_Letter(now + late, next(self._numbers), url, told) for url in urls]
        name = trick.name if trick is not None else None
        if name is TrickName.SWAP:
            self._kept_back += letters
            return
        if name is TrickName.TWICE:
            letters += [replace(each, number=next(self._numbers)) for each in letters]
        if name is TrickName.FORGE:
            letters += [replace(each, due=each.due - BEHIND, forged=True) for each in letters]
        if name is not TrickName.LOSE:
            self._put(*letters)
        behind, self._kept_back = self._kept_back, []
        self._put(*(replace(each, due=now + BEHIND) for each in behind))

    def _put(self, *letters: _Letter) -> None:
        for each in letters:
            heapq.heappush(self._waiting, each)

    def _next_trick(self) -> Trick | None:
        if not self._tricks:
            return None
        trick = self._tricks.pop(0)
        if trick.times > 1:
            self._tricks.insert(0, replace(trick, times=trick.times - 1))
        return trick

    # -- From the queue to the endpoints -------------------------------------------------------

    def _run(self) -> None:
        while (letter := self._next_letter()) is not None:
            headers = letter.told.forged if letter.forged else letter.told.headers
            try:
                status = self._post(letter.url, letter.told.body, headers)
            except Exception:
                logger.exception("The test bank failed to send a webhook.")
                status = 0
            self._note(letter, status)

    def _next_letter(self) -> _Letter | None:
        with self._changed:
            while not self._ended:
                wait = self._waiting[0].due - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(wait)
            return None

    def _note(self, letter: _Letter, status: int) -> None:
        with self._changed:
            told, url, attempt = letter.told, letter.url, letter.attempt
            self._sent.append(Delivery(told.event, url, status, attempt, letter.forged))
            if 200 <= status < 300 or letter.forged or attempt > len(RETRIES):
                return
            due = time.monotonic() + RETRIES[attempt - 1]
            self._put(replace(letter, due=due, attempt=attempt + 1))


def post_over_http(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post a webhook, and return the status of the answer; 0 if there was none.

    Redirects and proxies are not followed.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    try:
        port, host = parts.port, parts.hostname or ""
        connection = (
            http.client.HTTPSConnection(
                host, port, timeout=TIMEOUT, context=ssl.create_default_context()
            )
            if secure
            else http.client.HTTPConnection(host, port, timeout=TIMEOUT)
        )
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, dict(headers))
            response = connection.getresponse()
            # A server that is still writing its body would meet a broken pipe.
            response.read(ANSWER_BYTES)
            return response.status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError):
        return 0
