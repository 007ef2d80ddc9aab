"""The test bank on a ``requests`` session, without a socket: for tests that want to be fast."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import Dialect
from django_dinero.sandbox.http.controls import Counts
from django_dinero.sandbox.http.exchange import Reply, Speaks
from django_dinero.sandbox.http.faults import Dropped, Faults, TooLate, root_of


class BankAdapter(BaseAdapter):
    """Answers a session's requests from a bank in this process.

    ``session.mount("https://apitest.authorize.net/", BankAdapter(bank))``. A delay beyond the
    call's read timeout is a timeout at once, it is not waited for. The fault ``die`` of the default
    faults drops the connection: the bank's process is the test's own.

    Args:
        bank: whose vault and ledger answer.
        faults: what goes wrong; none by default.
        dialect: how the bank speaks; Authorize.Net's XML by default.
    """

    def __init__(
        self, bank: Bank, faults: Faults | None = None, dialect: Speaks | None = None
    ) -> None:
        super().__init__()
        self.bank = bank
        self.dialect = dialect or Dialect(bank)
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
        body = request.body or b""
        data = body.encode("utf-8") if isinstance(body, str) else bytes(body)
        self.counts.requested(root_of(data))
        kind = request.headers.get("Content-Type", "")
        try:
            reply = self.faults.answer(
                data,
                lambda: self.dialect.answer(data, kind),
                not_yet=lambda: self.dialect.not_yet(data, kind),
                patience=_patience(timeout),
            )
        except TooLate:
            raise requests.ReadTimeout("The test bank is too late.", request=request) from None
        except Dropped as dropped:
            text = "The test bank closed the connection."
            if dropped.reply is not None:
                raise requests.exceptions.ChunkedEncodingError(text, request=request) from None
            raise requests.ConnectionError(text, request=request) from None
        return _response(request, reply)

    def close(self) -> None:
        """Nothing is open: the bank is the caller's."""


def _patience(timeout: Any) -> float | None:
    """Return the read timeout of a call in seconds, None for a call that waits for ever."""
    seconds = timeout[1] if isinstance(timeout, tuple) else timeout
    return float(seconds) if isinstance(seconds, int | float) else None


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers = CaseInsensitiveDict(reply.headers)
    response.raw = BytesIO(reply.body)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response
