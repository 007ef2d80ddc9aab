"""Every refusal of the bank has a code and a message."""

from __future__ import annotations

import pytest

from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.messages import CODES, MESSAGES, Refused

#: Only a control of the test says so; no operation does.
CONTROLS_ONLY = {Reason.NOT_SETTLED, Reason.NO_ACTION}


@pytest.mark.parametrize("reason", sorted(set(Reason) - CONTROLS_ONLY))
def test_every_reason_has_one_message(reason: Reason) -> None:
    assert (reason in codes.REASONS) != (reason in CODES)


def test_every_message_code_has_a_text() -> None:
    assert set(CODES.values()) <= set(MESSAGES)
    for code in MESSAGES:
        assert Refused(code).text == MESSAGES[code]


@pytest.mark.parametrize(
    ("reason", "response", "code"),
    [
        ("declined", "2", "2"),
        ("invalid_amount", "3", "5"),
        ("invalid_number", "3", "6"),
        ("expired", "3", "8"),
        ("duplicate", "3", "11"),
        ("not_found", "3", "16"),
        ("avs", "2", "27"),
        ("cvv", "2", "44"),
        ("avs_and_cvv", "2", "45"),
        ("capture_exceeds_authorization", "3", "47"),
        ("refund_not_settled", "3", "54"),
        ("refund_exceeds", "3", "55"),
        ("partial_approval", "4", "295"),
        ("already_voided", "1", "310"),
        ("already_captured", "1", "311"),
    ],
)
def test_the_published_codes(reason: str, response: str, code: str) -> None:
    found = codes.REASONS[Reason(reason)]
    assert (found.response, found.code) == (response, code)
    assert found.text.endswith(".")
