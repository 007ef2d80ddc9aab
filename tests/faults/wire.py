"""The bank's side of a worker's address: which request meets which fault, and where it kills."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from itertools import count
from threading import Event, Lock

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.http.exchange import Dialect, Request, Response
from django_dinero.sandbox.http.faults import Dropped, FaultName, Faults
from tests.faults.history import History
from tests.faults.network import Network, Telling, told
from tests.faults.plan import LATE, Share
from tests.faults.points import READ, When, kind_of, realm_of
from tests.faults.settings import READ_TIMEOUT

#: Longer than a worker waits, in seconds.
DELAY = READ_TIMEOUT + 1.0
#: Seconds after which the bank waits no longer for a look-up of what a stopped process was about.
STOPPED = 120.0


class PlannedFaults(Faults):
    """The faults of one process, decided by the ordinals of its requests.

    Args:
        share: the process's plan.
        bank: settles a batch where the plan says so.
        history: that of the bank.
        network: what lies between the shop and the bank.
    """

    def __init__(
        self, share: Share, bank: Bank, history: History, network: Network | None = None
    ) -> None:
        super().__init__()
        self.share = share
        self.bank = bank
        self.history = history
        self.network = network or Network()
        #: Filled in by whoever starts the process.
        self.process: Future[int] = Future()
        #: Set when others have looked up what a stopped process was about, and when the bank has
        #: answered it.
        self.looked_up, self.replied = Event(), Event()
        self.has_stopped = False
        self._counted = Lock()
        self._ordinals = count(1)
        self._kinds: Counter[str] = Counter()

    def answer(
        self, request: Request, dialect: Dialect, *, patience: float | None = None
    ) -> Response:
        """Answer as :class:`Faults` does, with the fault that is planned for this request."""
        root = dialect.operation_of(request)
        kind = kind_of(root, request.body)
        with self._counted:
            ordinal = next(self._ordinals)
            self._kinds[kind] += 1
            nth = self._kinds[kind]
        fault = self.network.possible(self.share.faults.get(ordinal, ""), kind)
        named: dict[str, object] = {"fault": fault, "kind": kind, "told": told(request.body)}
        self._tell("request", ordinal, root=root, **named)
        if self.share.batch == ordinal:
            self._tell("batch settled", ordinal, id=self.bank.settle_batch().id)
        if ordinal in self.share.holds:
            self.bank.hold_next()
        telling = Telling(dialect, lambda response: self._tell("reply", ordinal, told=response))
        if self.share.lags:
            telling.hidden = self.network.settled_by
        if self._dies(When.before_request, kind, nth, ordinal):
            self._kill(When.before_request, kind, ordinal)
        if self._dies(When.after_request, kind, nth, ordinal):
            telling.answer(request)
            self._kill(When.after_request, kind, ordinal)
        for when in (When.unanswered, When.answered):
            if self._stops(when, kind):
                return self._stop(when, kind, ordinal, partial(telling.answer, request))
        if fault == LATE:
            self.network.late.append((self._tells("landed", ordinal), telling, request))
            raise Dropped
        if fault:
            self.add(FaultName(fault), seconds=DELAY)
        return super().answer(request, telling, patience=patience)

    def _dies(self, when: When, kind: str, nth: int, ordinal: int) -> bool:
        return self.share.dies(when, nth, kind) or self.share.dies(when, ordinal)

    def _tell(self, what: str, ordinal: int, **values: object) -> None:
        self.history.tell(what, of=self.share.name, n=ordinal, **values)

    def _tells(self, what: str, ordinal: int) -> Callable[[], None]:
        return partial(self._tell, what, ordinal)

    def _kill(self, when: When, kind: str, ordinal: int) -> None:
        """Kill the process, which waits for the answer: a signal comes before the end of that."""
        self._tell("kill", ordinal, when=when, where=kind)
        os.kill(self.process.result(timeout=60), signal.SIGKILL)
        raise Dropped

    def _stops(self, when: When, kind: str) -> bool:
        """Say whether the process is stopped here, which comes to pass once."""
        if self.has_stopped or not self.network.stops:
            return False
        return kind != READ and self.share.dies(when, 1, realm_of(kind))

    def _stop(
        self, when: When, kind: str, ordinal: int, answer: Callable[[], Response]
    ) -> Response:
        """Stop the process, act before or after others look its operation up, and answer."""
        self.has_stopped = True
        self._tell("stop", ordinal, when=when, where=realm_of(kind), kind=kind)
        if when is When.answered:
            response = answer()
            os.kill(self.process.result(timeout=60), signal.SIGSTOP)
            self.looked_up.wait(STOPPED)
        else:
            os.kill(self.process.result(timeout=60), signal.SIGSTOP)
            self.looked_up.wait(STOPPED)
            response = answer()
        self.replied.set()
        return response
