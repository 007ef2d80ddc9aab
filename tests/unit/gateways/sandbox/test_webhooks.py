"""The webhooks of the in-process bank: what is said of one that cannot be believed."""

from __future__ import annotations

import pytest

from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import Refusal

MISSING = "It has no signature: the header X-Dinero-Signature is missing or empty."
WRONG = "The signature does not match the body."


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, MISSING),
        ({"X-Dinero-Signature": ""}, MISSING),
        ({"x-dinero-signature": "sha256=00"}, WRONG),
    ],
)
def test_a_signature_that_is_missing_is_none_that_is_wrong(
    headers: dict[str, str], text: str
) -> None:
    refusal = SandboxGateway("shop").parse_webhook(headers, b"{}")
    assert isinstance(refusal, Refusal)
    assert [(each.code, each.text) for each in refusal.reasons] == [("webhook:signature", text)]
