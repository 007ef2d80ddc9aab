"""Authorize.Net's requests and replies in JSON, made from XML by lists that are written by hand.

The lists repeat what the gateway's documentation and recorded replies show, and nothing of the
code, so that the two can be held against each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from lxml import etree

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import AuthorizeNetDialect
from tests.support.authorizenet import Answer, Talk, posted

JSON = "application/json"
BOM = b"\xef\xbb\xbf"
#: Elements that are an array of what they hold, whatever that is called.
LISTS = (
    *("ids", "customerPaymentProfileIdList", "customerShippingAddressIdList"),
    *("validationDirectResponseList", "transactions", "batchList", "statistics", "errors"),
    "userFields",
    *("processors", "cardTypes", "marketTypes", "productCodes", "paymentMethods", "currencies"),
)
#: Elements that are in an array of their own name, even alone.
REPEATED = ("messages/message", "profile/paymentProfiles", "profile/shipToList")
#: Elements that are numbers or booleans, by the end of their path.
NUMBERS = (
    *("totalNumInResultSet", "transaction/responseCode", "responseReasonCode", "settleAmount"),
    *("authAmount", "transaction/requestedAmount", "chargeAmount", "chargeCount", "refundAmount"),
    *("refundCount", "voidCount", "declineCount", "errorCount", "returnedItemAmount"),
    *("returnedItemCount", "chargebackAmount", "chargebackCount", "processor/id"),
    "paymentProfiles/paymentProfile/customerPaymentProfileId",
    "paymentProfiles/paymentProfile/customerProfileId",
)
BOOLEANS = (
    *("isTestMode", "defaultPaymentProfile", "hasReturnedItems", "taxExempt"),
    "defaultShippingAddress",
    "transaction/recurringBilling",
)
#: What a value may look like to be written as a number of JSON.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_TIMES = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z?")


class Number(NamedTuple):
    """A number of JSON, which no text, no boolean and no other spelling of it equals."""

    text: str


def local(element: ElementTree.Element) -> str:
    """Return an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


# -- Requests -------------------------------------------------------------------------------------


def request_in_json(body: bytes, *, natural: bool = False) -> bytes:
    """Return a request in XML as JSON.

    Args:
        body: well-formed, and with equal elements side by side: an object has no other order.
        natural: write what looks like a number or a boolean as one, as programs do.
    """
    root = ElementTree.fromstring(body)
    return f"{{{json.dumps(local(root))}:{_request_value(root, natural)}}}".encode()


def _request_value(element: ElementTree.Element, natural: bool) -> str:
    if len(element) == 0:
        text = element.text or ""
        is_plain = natural and (_NUMBER.fullmatch(text) or text in ("true", "false"))
        return text if is_plain else json.dumps(text)
    values: dict[str, list[str]] = {}
    for child in element:
        values.setdefault(local(child), []).append(_request_value(child, natural))
    members = [
        f"{json.dumps(name)}:{found[0] if len(found) == 1 else '[' + ','.join(found) + ']'}"
        for name, found in values.items()
    ]
    return "{" + ",".join(members) + "}"


def can_be_json(body: bytes) -> bool:
    """Say whether an object of JSON can hold a request: equal elements stand side by side."""
    for element in ElementTree.fromstring(body).iter():
        names = [local(child) for child in element]
        runs = [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]
        if len(runs) > len(set(names)):
            return False
    return True


# -- Replies --------------------------------------------------------------------------------------


def reply_in_json(body: bytes) -> Any:
    """Return what the JSON of a reply in XML must be."""
    return _reply_value(ElementTree.fromstring(body), "")


def _reply_value(element: ElementTree.Element, path: str) -> Any:
    children = list(element)
    if _is_list(element, path):
        return [_reply_value(child, f"{path}/{local(child)}") for child in children]
    if not children:
        return _scalar(element.text or "", path)
    found: dict[str, Any] = {}
    for child in children:
        inside = f"{path}/{local(child)}"
        value = _reply_value(child, inside)
        if _ends(inside, REPEATED):
            found.setdefault(local(child), []).append(value)
        else:
            assert local(child) not in found, f"{inside} repeats and stands in no list"
            found[local(child)] = value
    return found


def _is_list(element: ElementTree.Element, path: str) -> bool:
    names = {local(child) for child in element}
    if path.endswith("/messages"):
        return "resultCode" not in names
    return names == {"paymentProfile"} or _ends(path, LISTS)


def _scalar(text: str, path: str) -> Any:
    if path.endswith("transactionResponse"):
        assert text == ""
        return {}
    if _ends(path, BOOLEANS):
        return {"true": True, "false": False}[text]
    return Number(text) if _ends(path, NUMBERS) else text


def _ends(path: str, ends: tuple[str, ...]) -> bool:
    return path.endswith(tuple(f"/{end}" for end in ends))


def read_reply(body: bytes) -> Any:
    """Return a reply in JSON, its numbers as they are written."""
    assert body.startswith(BOM)
    return json.loads(body.removeprefix(BOM), parse_int=Number, parse_float=Number)


# -- Both at once ---------------------------------------------------------------------------------


class Twins(Talk):
    """Sends each operation to two equal banks, in XML and in JSON; the answers must be equal.

    Args:
        folder: where the banks keep their stores.
        official: the official schema, for the replies in XML.
        natural: whether numbers and booleans are such in JSON.
    """

    def __init__(
        self, folder: Path, official: etree.XMLSchema | None = None, *, natural: bool = False
    ) -> None:
        first, second = folder / "xml.sqlite3", folder / "json.sqlite3"
        Bank(first).close()
        # Ids begin anywhere, and digests have a key: the second bank begins as the first one.
        second.write_bytes(first.read_bytes())
        super().__init__(Bank(first), official)
        self.other = Bank(second)
        self.natural = natural
        self._json = AuthorizeNetDialect(self.other)

    def close(self) -> None:
        """Close both banks."""
        self.bank.close()
        self.other.close()

    def both(self, do: Callable[[Bank], object]) -> None:
        """Do something at both banks."""
        do(self.bank)
        do(self.other)

    def raw(self, body: bytes, content_type: str = "text/xml") -> Answer:
        """Send a request in XML, and the same in JSON; return the answer in XML."""
        answer = super().raw(body, content_type)
        in_json = request_in_json(body, natural=self.natural)
        reply = self._json.answer(posted(in_json, JSON))
        assert (reply.status, reply.headers) == (
            200,
            {"Content-Type": "application/json; charset=utf-8"},
        )
        found = _timeless(read_reply(reply.body))
        expected = _timeless(reply_in_json(ElementTree.tostring(answer.root)))
        assert found == expected, f"{found}\nis not\n{expected}"
        return answer


def _timeless(value: Any) -> Any:
    """Return a reply without its times: one bank is asked after the other."""
    if isinstance(value, dict):
        return {name: _timeless(inside) for name, inside in value.items()}
    if isinstance(value, list):
        return [_timeless(inside) for inside in value]
    return _TIMES.sub("(time)", value) if isinstance(value, str) else value
