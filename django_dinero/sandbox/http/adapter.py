"""The test bank on a ``requests`` session, without a socket: for tests that want to be fast."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.default import default_dialect
from django_dinero.sandbox.http.controls import Counts
from django_dinero.sandbox.http.dates import date_header
from django_dinero.sandbox.http.exchange import Dialect, Request, Response
from django_dinero.sandbox.http.faults import Dropped, Faults, TooLate


class BankAdapter(BaseAdapter):
    """Answers a session's requests from a bank in this process.

    ``session.mount("https://bank.example/", BankAdapter(bank))``. The session decides which
    requests are the bank's, so the dialect's route is not looked at. A delay beyond the call's read
    timeout is a timeout at once. The fault ``die`` of the default faults drops the connection: the
    bank's process is the test's own.

    Args:
        bank: whose vault and ledger answer.
        faults: what goes wrong; none by default.
        dialect: how the bank speaks; that of :mod:`django_dinero.sandbox.dialects.default` unless
            given.
    """

    def __init__(
        self, bank: Bank, faults: Faults | None = None, dialect: Dialect | None = None
    ) -> None:
        super().__init__()
        self.bank = bank
        self.dialect = dialect or default_dialect(bank)
        self.faults = faults or Faults(die=lambda: None)
        self.counts = Counts()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Answer a request.

        Raises:
            requests.ConnectionError: a fault closed the connection.
            requests.exceptions.ChunkedEncodingError: a fault cut the reply off.
            requests.ReadTimeout: a fault delays the reply longer than the caller waits.
        """
        asked = _request(request)
        self.counts.requested(self.dialect.operation_of(asked))
        try:
            answer = self.faults.answer(asked, self.dialect, patience=_patience(timeout))
        except TooLate:
            raise requests.ReadTimeout("The test bank is too late.", request=request) from None
        except Dropped as dropped:
            text = "The test bank closed the connection."
            if dropped.response is not None:
                raise requests.exceptions.ChunkedEncodingError(text, request=request) from None
            raise requests.ConnectionError(text, request=request) from None
        return _response(request, answer, date_header(self.bank))

    def close(self) -> None:
        """Nothing is open: the bank is the caller's."""


def _patience(timeout: Any) -> float | None:
    """Return the read timeout of a call in seconds, None for a call that waits for ever."""
    seconds = timeout[1] if isinstance(timeout, tuple) else timeout
    return float(seconds) if isinstance(seconds, int | float) else None


def _request(request: requests.PreparedRequest) -> Request:
    """Return a session's request as the dialects take it."""
    body = request.body or b""
    url = urlsplit(request.url or "")
    return Request(
        method=request.method or "",
        path=url.path.rstrip("/"),
        headers=dict(request.headers),
        body=body.encode("utf-8") if isinstance(body, str) else bytes(body),
        query=url.query,
    )


def _response(request: requests.PreparedRequest, answer: Response, date: str) -> requests.Response:
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict({"Date": date, **answer.headers})
    response.raw = BytesIO(answer.body)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response
