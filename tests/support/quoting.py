"""A gateway that quotes whatever secret it was sent, in every kind of answer."""

from __future__ import annotations

import io
import re
from typing import Any

import requests
from requests.adapters import BaseAdapter

from django_dinero.enums import ReasonKind, ResultStatus
from django_dinero.exceptions import InvalidInput, NotSent, OutcomeUnknown
from django_dinero.gateways.types import Reason, Refusal, TransactionResult
from tests.support.recording import Fault

_SECRETS = re.compile(
    r"<(name|transactionKey|cardNumber|cardCode|dataValue)>([^<]+)</\1>", re.ASCII
)
_ROOT = re.compile(r"<(\w+)Request ")


class QuotingAdapter(BaseAdapter):
    """Answers Authorize.Net's requests with refusals that quote their secrets.

    Args:
        inside: whether the transaction's own error quotes them, and not the message.
    """

    def __init__(self, *, inside: bool = False) -> None:
        super().__init__()
        self.inside = inside
        self.quoted: list[str] = []

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Answer a request."""
        body = request.body.decode()
        found = [text for _name, text in _SECRETS.findall(body)]
        self.quoted += found
        text = f"The values {' '.join(found)} are invalid, '{found[-1]}' above all."
        root = _ROOT.search(body)
        assert root is not None
        response = requests.Response()
        response.status_code = 200
        response.raw = io.BytesIO(self._reply(f"{root[1]}Response", text).encode())
        return response

    def _reply(self, root: str, text: str) -> str:
        inner = ""
        if self.inside and root == "createTransactionResponse":
            inner = (
                "<transactionResponse><responseCode>3</responseCode><transId>0</transId><errors>"
                f"<error><errorCode>78</errorCode><errorText>{text}</errorText></error></errors>"
                "</transactionResponse>"
            )
            text = "The transaction was unsuccessful."
        message = f"<message><code>E00027</code><text>{text}</text></message>"
        messages = f"<messages><resultCode>Error</resultCode>{message}</messages>"
        return f"<{root}>{messages}{inner}</{root}>"

    def close(self) -> None:
        """Nothing is open."""


def quoting_refusal(text: str) -> Fault:
    """A backend's refusal that passes on what the gateway quoted."""
    return lambda call: Refusal((Reason(ReasonKind.CVV, "65", text),))


def quoting_decline(text: str) -> Fault:
    """A backend's decline that does."""
    reasons = (Reason(ReasonKind.CVV, "65", text), Reason(ReasonKind.AVS, "27", text))
    return lambda call: TransactionResult(ResultStatus.DECLINED, "7001", reasons=reasons)


def quoting_error(kind: type[Exception], text: str) -> Fault:
    """A backend's exception that does, raised where its frame holds what was sent."""

    def fault(call: Any) -> Any:
        body = f"<body>{text}</body>"
        try:
            raise ValueError(body)
        except ValueError as error:
            if kind is InvalidInput:
                raise InvalidInput({"number": body}) from error
            raise kind(body) from error

    return fault


#: Exceptions that a backend may raise, may not raise, and does not raise itself.
ERRORS: tuple[type[Any], ...] = (NotSent, OutcomeUnknown, InvalidInput, KeyError)
STOPS: tuple[type[Any], ...] = (SystemExit, KeyboardInterrupt)
