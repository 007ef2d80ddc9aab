"""What lies between a fault run's shop and its bank: late requests, lagging lists, kept keys."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.default import default_dialect
from django_dinero.sandbox.http.exchange import Request, Response, Route
from django_dinero.sandbox.http.faults import FaultName
from tests.faults.network import Keyed, Network, Telling
from tests.faults.plan import LATE
from tests.support.testbank import charged

HEAD = (
    '<?xml version="1.0"?><{root} xmlns="AnetApi/xml/v1/schema/AnetApiSchema.xsd">'
    "<merchantAuthentication><name>sandbox-login</name><transactionKey>sandbox-key"
    "</transactionKey></merchantAuthentication>{rest}</{root}>"
)


def post(root: str, rest: str = "") -> Request:
    body = HEAD.format(root=root, rest=rest).encode()
    return Request("POST", "/xml/v1/request.api", {"Content-Type": "text/xml"}, body)


class Counting:
    """A dialect that says how often it was asked."""

    route = Route("/x", ("POST",), "post")

    def __init__(self) -> None:
        self.asked = 0

    def operation_of(self, request: Request) -> str:
        return "createTransactionRequest"

    def answer(self, request: Request) -> Response:
        self.asked += 1
        return Response(200, str(self.asked).encode())

    def not_found(self, request: Request) -> Response:
        return Response(404, b"")


@pytest.fixture
def lagging() -> Callable[[Request], str]:
    """Asks a bank that does not show its second payment yet, for its ids."""
    bank = Bank()
    first = charged(bank)
    second = charged(bank)
    telling = Telling(default_dialect(bank), lambda text: None)
    telling.hidden = int(first.id)

    def ask(request: Request) -> str:
        body = telling.answer(request).body.decode()
        for name, row in (("first", first), ("second", second)):
            body = body.replace(row.id, name)
        return " ".join(re.findall(r"<transId>(\w+)<|<code>(E\d+)<", body)[0]) if body else ""

    ask.second = second.id  # type: ignore[attr-defined]
    return ask


def test_a_lagging_list_does_not_show_what_is_new(lagging: Callable[[Request], str]) -> None:
    assert lagging(post("getUnsettledTransactionListRequest")).strip() == "first"


def test_what_is_new_is_not_found_by_its_id(lagging: Callable[[Request], str]) -> None:
    new = f"<transId>{lagging.second}</transId>"  # type: ignore[attr-defined]
    assert lagging(post("getTransactionDetailsRequest", new)).strip() == "E00040"


def test_a_bank_that_honours_keys_gives_the_first_answer_again() -> None:
    counting = Counting()
    bank = Keyed(counting)
    payment = "<refId>{}</refId><transactionType>authCaptureTransaction</transactionType>"
    one, other = (Request("POST", "/x", {}, payment.format(key).encode()) for key in "AB")
    assert [bank.answer(each).body for each in (one, one, other, one)] == [b"1", b"1", b"2", b"1"]
    vault = Request("POST", "/x", {}, b"<refId>A</refId>")
    assert bank.answer(vault).body == b"3"


def test_late_requests_are_done_once() -> None:
    network, counting, landed = Network(), Counting(), list[str]()
    request = Request("POST", "/x")
    telling = Telling(counting, lambda text: None)
    network.late.append((lambda: landed.append("landed"), telling, request))
    assert counting.asked == 0
    network.land()
    network.land()
    assert counting.asked == 1 and landed == ["landed"]


@pytest.mark.parametrize(
    ("planned", "twice", "kind", "happens"),
    [
        (FaultName.REPEAT, True, "charge", FaultName.REPEAT),
        (FaultName.REPEAT, False, "charge", FaultName.DROP_AFTER),
        (FaultName.REPEAT, False, "add card", FaultName.REPEAT),
        (LATE, True, "read", FaultName.DROP_BEFORE),
        (LATE, True, "refund", LATE),
        ("", False, "charge", ""),
    ],
)
def test_what_no_shop_can_help_does_not_happen(
    planned: str, twice: bool, kind: str, happens: str
) -> None:
    assert Network(twice=twice).possible(planned, kind) == happens
