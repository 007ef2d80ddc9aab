"""What the bank does not do is refused by its name, and told in the docs."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from django_dinero.protocols.authorizenet import REPLY_ROOTS
from django_dinero.sandbox.dialects.authorizenet import unserved
from tests.support.authorizenet import TX, Talk, card, nonce

PAGE = Path(__file__).resolve().parents[5] / "docs" / "gateways.md"
ELEMENTS = {
    "trackData": "<trackData><track1>x</track1></trackData>",
    "payPal": "<payPal><payerID>x</payerID></payPal>",
    "emv": "<emv><emvData>x</emvData><emvDescriptor>x</emvDescriptor><emvVersion>1</emvVersion>"
    "</emv>",
}


@pytest.mark.parametrize("root", sorted(unserved.OPERATIONS))
def test_operations(talk: Talk, root: str) -> None:
    answer = talk(root.removesuffix("Request"))
    assert (answer.name, answer.code) == ("ErrorResponse", "E00004")
    assert answer.words.startswith("The name of the requested API method is invalid.")
    assert root in answer.words
    assert unserved.OPERATIONS[root] in answer.words


def test_what_nobody_knows_is_not_repeated(talk: Talk) -> None:
    answer = talk("a4111111111111111")
    assert answer.words == "The name of the requested API method is invalid."


def test_every_official_operation_is_served_or_told(shared_data: Path) -> None:
    schema = ElementTree.parse(shared_data / "AnetApiSchema.xsd").getroot()
    official = {
        name
        for element in schema.findall("{http://www.w3.org/2001/XMLSchema}element")
        if (name := element.get("name", "")).endswith("Request")
    }
    assert official - set(REPLY_ROOTS) == set(unserved.OPERATIONS)


@pytest.mark.parametrize("kind", sorted(unserved.TRANSACTION_TYPES))
def test_transaction_types(talk: Talk, kind: str) -> None:
    answer = talk.pay(kind)
    assert answer.code == "E00060"
    assert f"{kind} (PayPal)" in answer.words


@pytest.mark.parametrize("name", sorted(ELEMENTS))
def test_ways_to_pay(talk: Talk, name: str) -> None:
    answer = talk.pay(inner=f"<payment>{ELEMENTS[name]}</payment>")
    assert (answer.code, answer.transaction) == ("E00027", ("3", "155"))
    assert f"{name} ({unserved.PAYMENTS[name]})" in answer[TX + "errors/error/errorText"]


def test_the_wallets_of_others(talk: Talk) -> None:
    apple = nonce("x").replace("ACCEPT", "APPLE")
    answer = talk.pay(inner=apple)
    assert answer.transaction == ("3", "155")
    assert "COMMON.APPLE.INAPP.PAYMENT" in answer[TX + "errors/error/errorText"]
    assert talk.pay(inner=card()).ok


def test_the_page_tells_them() -> None:
    page = " ".join(PAGE.read_text("utf-8").split())
    for told in (unserved.OPERATIONS, unserved.TRANSACTION_TYPES, unserved.PAYMENTS):
        for name in told:
            assert f"`{name.removesuffix('Request')}`" in page, name
