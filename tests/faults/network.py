"""What lies between the shop and the bank, and banks that behave in one way or another."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from django_dinero.sandbox.http.exchange import Dialect, Request, Response
from django_dinero.sandbox.http.faults import FaultName
from tests.faults.plan import LATE
from tests.faults.points import PAYMENTS, READ, kind_of

#: Elements that may be told; all others, numbers and keys among them, are left out.
TOLD = (
    *("refId", "customerProfileId", "customerPaymentProfileId", "paymentProfileId"),
    *("defaultPaymentProfile", "transactionType", "amount", "refTransId", "transId"),
    *("merchantCustomerId", "email", "resultCode", "code"),
)
#: The number of a stored card as the bank shows it is told, too.
_ELEMENT = re.compile(rf"<({'|'.join(TOLD)})>([^<]*)</|<(cardNumber)>(XXXX\d\d\d\d)</")
_KEY = re.compile(rb"<refId>([^<]+)</refId>")
_ASKED = re.compile(rb"<transId>(\d+)</transId>")
#: One transaction of a list.
_ITEM = re.compile(rb"<transaction><transId>(\d+)</transId>.*?</transaction>", re.DOTALL)
#: Elements of a long list that are told.
MOST = 60


class Network:
    """What lies between the shop and the bank, the same for all processes.

    Args:
        twice: whether the bank can tell that a payment's request has come twice. Where it cannot,
            no request is repeated: the bank would take the money twice, and no shop can help it.
        stops: whether a process may be stopped while it waits for the bank.
    """

    def __init__(self, *, twice: bool = True, stops: bool = True) -> None:
        self.twice = twice
        self.stops = stops
        #: Requests that the bank has not seen yet, whose sender has been cut off.
        self.late: list[tuple[Callable[[], None], Telling, Request]] = []
        #: The newest id in the bank's ledger when time has passed last: what a lagging list shows.
        self.settled_by = 0

    def possible(self, fault: str, kind: str) -> str:
        """Return the fault that is planned, or in its place one that can be here."""
        if fault == FaultName.REPEAT and not self.twice and kind in PAYMENTS:
            return FaultName.DROP_AFTER.value
        if fault == LATE and kind == READ:
            return FaultName.DROP_BEFORE.value
        return str(fault)

    def land(self) -> None:
        """Let the bank do what was on its way."""
        late, self.late = self.late, []
        for tell, dialect, request in late:
            tell()
            dialect.answer(request)


class Keyed:
    """A bank that honours the key of a request: what has its key again gets the first answer.

    Args:
        dialect: answers what comes for the first time.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.route = dialect.route
        self.operation_of = dialect.operation_of
        self.not_found = dialect.not_found
        self._dialect = dialect
        self._answers: dict[bytes, Response] = {}
        self._lock = Lock()

    def answer(self, request: Request) -> Response:
        """Answer, or repeat the answer."""
        found = _KEY.search(request.body)
        if found is None or b"<transactionType>" not in request.body:
            return self._dialect.answer(request)
        with self._lock:
            if found[1] not in self._answers:
                self._answers[found[1]] = self._dialect.answer(request)
            return self._answers[found[1]]


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
        #: The newest transaction that is shown; None for all.
        self.hidden: int | None = None

    def answer(self, request: Request) -> Response:
        """Answer, and tell it."""
        response = self._dialect.answer(request)
        if self.hidden is not None and kind_of(self.operation_of(request), request.body) == READ:
            response = self._lagging(request, response, self.hidden)
        self._tell(told(response.body))
        return response

    def _lagging(self, request: Request, response: Response, newest: int) -> Response:
        if self.operation_of(request) == "getTransactionDetailsRequest":
            asked = _ASKED.search(request.body)
            return self.not_found(request) if asked and int(asked[1]) > newest else response

        def shown(item: re.Match[bytes]) -> bytes:
            return item[0] if int(item[1]) <= newest else b""

        return replace(response, body=_ITEM.sub(shown, response.body))


def told(body: bytes) -> str:
    """Return what may be told of a request or a reply: some elements, in their order."""
    found = _ELEMENT.findall(body.decode(errors="replace"))
    return " ".join(f"{a or c}={b or d}" for a, b, c, d in found[:MOST])
