"""The bank's side of a worker's address: which request meets which fault, and where it kills."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.http.exchange import Dialect, Request, Response
from django_dinero.sandbox.http.faults import Dropped, FaultName, Faults
from tests.faults.history import History
from tests.faults.plan import Share, When
from tests.faults.settings import READ_TIMEOUT

#: Longer than a worker waits, in seconds.
DELAY = READ_TIMEOUT + 1.0
#: Elements that may be told; all others, numbers and keys among them, are left out.
TOLD = (
    *("refId", "customerProfileId", "customerPaymentProfileId", "paymentProfileId"),
    *("defaultPaymentProfile", "transactionType", "amount", "refTransId", "transId"),
    *("merchantCustomerId", "email", "resultCode", "code"),
)
#: The number of a stored card as the bank shows it is told, too.
_ELEMENT = re.compile(rf"<({'|'.join(TOLD)})>([^<]*)</|<(cardNumber)>(XXXX\d\d\d\d)</")
#: Elements of a long list that are told.
MOST = 60


class PlannedFaults(Faults):
    """The faults of one process, decided by the ordinals of its requests.

    Args:
        share: the process's plan.
        bank: settles a batch where the plan says so.
        history: that of the bank.
    """

    def __init__(self, share: Share, bank: Bank, history: History) -> None:
        super().__init__()
        self.share = share
        self.bank = bank
        self.history = history
        #: Filled in by whoever starts the process.
        self.process: Future[int] = Future()
        self._ordinals = count(1)

    def answer(
        self, request: Request, dialect: Dialect, *, patience: float | None = None
    ) -> Response:
        """Answer as :class:`Faults` does, with the fault that is planned for this request."""
        ordinal = next(self._ordinals)
        fault = self.share.faults.get(ordinal)
        operation = dialect.operation_of(request)
        self._tell("request", ordinal, root=operation, fault=fault or "", told=told(request.body))
        if self.share.batch == ordinal:
            self._tell("batch settled", ordinal, id=self.bank.settle_batch().id)
        if ordinal in self.share.holds:
            self.bank.hold_next()
        if self.share.dies(When.before_request, ordinal):
            self._kill(When.before_request, ordinal)
        telling = Telling(dialect, lambda response: self._tell("reply", ordinal, told=response))
        if self.share.dies(When.after_request, ordinal):
            telling.answer(request)
            self._kill(When.after_request, ordinal)
        if fault is not None:
            self.add(FaultName(fault), seconds=DELAY)
        return super().answer(request, telling, patience=patience)

    def _tell(self, what: str, ordinal: int, **values: object) -> None:
        self.history.tell(what, of=self.share.name, n=ordinal, **values)

    def _kill(self, when: When, ordinal: int) -> None:
        """Kill the process, which waits for the answer: a signal comes before the end of that."""
        self._tell("kill", ordinal, when=when)
        os.kill(self.process.result(timeout=60), signal.SIGKILL)
        raise Dropped


class Telling:
    """A dialect whose responses are told.

    Args:
        dialect: answers.
        tell: gets what may be told of each response.
    """

    def __init__(self, dialect: Dialect, tell: Callable[[str], object]) -> None:
        self.route = dialect.route
        self.operation_of = dialect.operation_of
        self.not_found = dialect.not_found
        self._dialect = dialect
        self._tell = tell

    def answer(self, request: Request) -> Response:
        """Answer, and tell it."""
        response = self._dialect.answer(request)
        self._tell(told(response.body))
        return response


def told(body: bytes) -> str:
    """Return what may be told of a request or a reply: some elements, in their order."""
    found = _ELEMENT.findall(body.decode(errors="replace"))
    return " ".join(f"{a or c}={b or d}" for a, b, c, d in found[:MOST])
