"""Answers to money calls that contradict themselves, or of which something is missing or double."""

from __future__ import annotations

import copy
from collections.abc import Callable
from decimal import Decimal
from unittest import mock

import pytest
from lxml import etree

from django_dinero.enums import ResultStatus
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import AuthorizeNetGateway
from django_dinero.gateways.types import FollowUpRequest, TransactionResult
from django_dinero.protocols.authorizenet import NAMESPACE
from tests.support.scripted import OPTIONS, Answer, no, ok, scripted
from tests.unit.gateways.authorizenet.test_gateway_charge import KEY, UNSUCCESSFUL, charge, tx

PIECES = [
    "<transactionResponse><transId>60</transId></transactionResponse>",
    tx("1") + tx("1"),
    tx("1</responseCode><responseCode>3"),
    "<transactionResponse>approved</transactionResponse>",
]
UNCLEAR = [
    *(ok(inner) for inner in ("", "<transactionResponse/>", *PIECES)),
    *(no("E00027", UNSUCCESSFUL, inner) for inner in PIECES),
    # It approved, and says that it failed.
    no("E00027", UNSUCCESSFUL, tx("1")),
    ok(tx("1", "")),
    ok(tx("1", "60</transId><transId>61")),
    no("E00027", UNSUCCESSFUL, tx("1", "")),
]


@pytest.mark.parametrize("answer", UNCLEAR)
@pytest.mark.parametrize("verb", ["charge", "capture", "void", "refund", "approve", "decline"])
def test_an_answer_in_pieces_is_neither_approved_nor_refused(verb: str, answer: Answer) -> None:
    gateway, client = scripted(answer)
    follow_up = FollowUpRequest(KEY, "60", Decimal("12.50"), "USD", last_4="1111")
    calls: dict[str, Callable[[], TransactionResult]] = {
        "charge": lambda: gateway.charge(charge()),
        "capture": lambda: gateway.capture(follow_up),
        "void": lambda: gateway.void(follow_up),
        "refund": lambda: gateway.refund(follow_up),
        "approve": lambda: gateway.decide_review(follow_up, "approve"),
        "decline": lambda: gateway.decide_review(follow_up, "decline"),
    }
    with pytest.raises(OutcomeUnknown):
        calls[verb]()
    assert len(client.asked) == 1


# -- One fault in a good answer --------------------------------------------------------------------

GOOD = f"""<createTransactionResponse xmlns="{NAMESPACE}"><refId>{KEY}</refId><messages>
<resultCode>Ok</resultCode><message><code>I00001</code><text>Successful.</text></message></messages>
<transactionResponse><responseCode>1</responseCode><authCode>2Z8XYR</authCode><avsResultCode>Y
</avsResultCode><cvvResultCode>P</cvvResultCode><transId>60036553096</transId><refTransID/>
<testRequest>0</testRequest><accountNumber>XXXX1111</accountNumber><accountType>Visa</accountType>
<messages><message><code>1</code><description>It was approved.</description></message></messages>
<networkTransId>N123</networkTransId></transactionResponse></createTransactionResponse>"""


def other_text(text: str) -> Callable[[etree._Element], None]:
    """Return a fault: an element with this text and nothing else."""

    def fault(element: etree._Element) -> None:
        for child in list(element):
            element.remove(child)
        element.text = text

    return fault


def gone(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def doubled(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.insert(parent.index(element), copy.deepcopy(element))


def misspelt(element: etree._Element) -> None:
    element.tag = f"{element.tag}X"


def wrapped(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        around = etree.Element(f"{{{NAMESPACE}}}around")
        parent.replace(element, around)
        around.append(element)


def crowded(element: etree._Element) -> None:
    etree.SubElement(element, "stranger").text = "1"


FAULTS = {
    **{each.__name__: each for each in (gone, doubled, misspelt, wrapped, crowded)},
    **{repr(text): other_text(text) for text in ("", "junk", "2", "3", "-1", "1 2")},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_single_fault_makes_a_refusal_of_an_approval(
    fault: Callable[[etree._Element], None],
) -> None:
    """It stays the approval of this transaction, or nothing is known."""
    gateway = AuthorizeNetGateway("shop", OPTIONS)
    endings = set()
    for index in range(len(list(etree.fromstring(GOOD).iter()))):
        root = etree.fromstring(GOOD)
        element = list(root.iter())[index]
        fault(element)
        with mock.patch.object(gateway.client._http, "post", return_value=etree.tostring(root)):
            try:
                found = gateway.charge(charge())
            except OutcomeUnknown:
                endings.add("unknown")
                continue
        assert (found.outcome, found.reasons) == (ResultStatus.APPROVED, ()), element.tag
        # Another number cannot be told from the right one.
        assert found.transaction_id == "60036553096" or "transId" in str(element.tag)
        endings.add("approved")
    assert endings == {"unknown", "approved"}
