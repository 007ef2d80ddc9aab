"""Answers to money calls that contradict themselves, or of which something is missing or double."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.types import FollowUpRequest, TransactionResult
from tests.support.scripted import Answer, no, ok, scripted
from tests.unit.gateways.authorizenet.test_money import KEY, UNSUCCESSFUL, charge, tx

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
@pytest.mark.parametrize("verb", ["charge", "settle", "void", "refund", "approve", "decline"])
def test_an_answer_in_pieces_is_neither_approved_nor_refused(verb: str, answer: Answer) -> None:
    gateway, client = scripted(answer)
    follow_up = FollowUpRequest(KEY, "60", Decimal("12.50"), "USD", last_4="1111")
    calls: dict[str, Callable[[], TransactionResult]] = {
        "charge": lambda: gateway.charge(charge()),
        "settle": lambda: gateway.settle(follow_up),
        "void": lambda: gateway.void(follow_up),
        "refund": lambda: gateway.refund(follow_up),
        "approve": lambda: gateway.resolve_held(follow_up, "approve"),
        "decline": lambda: gateway.resolve_held(follow_up, "decline"),
    }
    with pytest.raises(OutcomeUnknown):
        calls[verb]()
    assert len(client.asked) == 1
