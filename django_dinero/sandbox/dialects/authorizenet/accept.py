"""Accept.js of the test bank: a script with its interface, and the address where it sends cards.

How the real script talks to its server is the gateway's own business, so that part is made up. What
a page sees of it is not: the call, the answer, and the codes of its errors.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from django_dinero.redaction import Secret
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import BankRefusal
from django_dinero.sandbox.http.exchange import Request, Response, Route

FOLDER: Final = "/v1"
SCRIPT_PATH: Final = f"{FOLDER}/Accept.js"
TOKEN_PATH: Final = f"{FOLDER}/tokens"
ROUTE: Final = Route(
    SCRIPT_PATH,
    ("GET",),
    f"the script for browsers is at {SCRIPT_PATH}",
    others=(Route(TOKEN_PATH, ("POST", "OPTIONS"), f"it posts to {TOKEN_PATH}"),),
)
#: What the real script gives as the kind of its tokens.
DESCRIPTOR: Final = "COMMON.ACCEPT.INAPP.PAYMENT"
#: The codes and texts of Accept.js (its reference, "Error codes").
ERRORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E_WC_04": "Please provide mandatory fields to library.",
        "E_WC_05": "Please provide valid credit card number.",
        "E_WC_06": "Please provide valid expiration month.",
        "E_WC_07": "Please provide valid expiration year.",
        "E_WC_08": "Expiration date must be in the future.",
        "E_WC_10": "Please provide valid apiloginid.",
        "E_WC_15": "Please provide valid CVV.",
        "E_WC_16": "Please provide valid Zip code.",
        "E_WC_17": "Please provide valid card holder name.",
        "E_WC_18": "Client Key is required.",
        "E_WC_19": "An error occurred during processing. Please try again.",
        "E_WC_21": "User authentication failed due to invalid authentication values.",
    }
)
_REFUSALS: Final = {Reason.INVALID_NUMBER: "E_WC_05", Reason.EXPIRED: "E_WC_08"}
#: Any page may ask, as it may ask the real one: a token moves no money.
_ANY_PAGE: Final = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT: Final = {
    **_ANY_PAGE,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "600",
}
_SCRIPT: Final = Path(__file__).with_name("accept.js")


class _Wrong(Exception):
    """The card or the keys are refused, with these codes."""

    def __init__(self, *codes: str) -> None:
        super().__init__(*codes)
        self.codes = codes


def is_accept(request: Request) -> bool:
    """Say whether a request is for the script, or comes from it."""
    return ROUTE.serves(request.path)


def operation_of(request: Request) -> str:
    """Return what is asked for, for faults and counts."""
    return "token" if request.path == TOKEN_PATH else "Accept.js"


def answer(bank: Bank, request: Request) -> Response:
    """Return the script, or a token for a card. Nothing that a client sends raises."""
    if request.path == SCRIPT_PATH:
        headers = {"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "no-store"}
        return Response(200, _SCRIPT.read_bytes(), headers)
    if request.method == "OPTIONS":
        return Response(204, b"", _PREFLIGHT)
    try:
        token = _token(bank, _secure_data(request.body))
    except _Wrong as wrong:
        return refused(*wrong.codes)
    opaque = {"dataDescriptor": DESCRIPTOR, "dataValue": token}
    ok = {"resultCode": "Ok", "message": [{"code": "I_WC_01", "text": "Successful."}]}
    return _json({"opaqueData": opaque, "messages": ok})


def refused(*codes: str) -> Response:
    """Say what is wrong, in the words of Accept.js."""
    messages = [{"code": code, "text": ERRORS[code]} for code in codes]
    return _json({"messages": {"resultCode": "Error", "message": messages}})


def _token(bank: Bank, data: Mapping[str, Any]) -> str:
    _check_keys(bank, _part(data, "authData"))
    card = _part(data, "cardData")
    wrong = tuple(_form_errors(card))
    if wrong:
        raise _Wrong(*wrong)
    cvv = _text(card, "cardCode")
    try:
        return bank.mint_token(
            Secret(_text(card, "cardNumber").replace(" ", "")),
            month=int(_text(card, "month")),
            year=_year(_text(card, "year")),
            cvv=Secret(cvv) if cvv else None,
        )
    except BankRefusal as refusal:
        raise _Wrong(_REFUSALS.get(refusal.reason, "E_WC_19")) from None


def _check_keys(bank: Bank, given: Mapping[str, Any]) -> None:
    login, key = _text(given, "apiLoginID"), _text(given, "clientKey")
    if not login or not key:
        raise _Wrong("E_WC_18" if login else "E_WC_10")
    account = bank.account
    known = hmac.compare_digest(login.encode(), account.login_id.encode())
    if not (known and hmac.compare_digest(key.encode(), account.client_key.encode())):
        raise _Wrong("E_WC_21")


def _form_errors(card: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a card's fields, all of it at once."""
    number = _text(card, "cardNumber").replace(" ", "")
    if not (_is_digits(number) and 12 <= len(number) <= 19):
        yield "E_WC_05"
    month, year = _text(card, "month"), _text(card, "year")
    if not (_is_digits(month) and 1 <= len(month) <= 2 and 1 <= int(month) <= 12):
        yield "E_WC_06"
    if not (_is_digits(year) and len(year) in (2, 4)):
        yield "E_WC_07"
    cvv = _text(card, "cardCode")
    if cvv and not (_is_digits(cvv) and len(cvv) in (3, 4)):
        yield "E_WC_15"
    if len(_text(card, "zip")) > 20:
        yield "E_WC_16"
    if len(_text(card, "fullName")) > 64:
        yield "E_WC_17"


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _secure_data(body: bytes) -> Mapping[str, Any]:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise _Wrong("E_WC_04") from None
    if not isinstance(given, dict):
        raise _Wrong("E_WC_04")
    return given


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = data.get(name)
    if not isinstance(part, dict):
        raise _Wrong("E_WC_04")
    return part


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    return value.strip() if isinstance(value, str) else ""


def _json(value: object) -> Response:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", **_ANY_PAGE}
    return Response(200, json.dumps(value).encode(), headers)
