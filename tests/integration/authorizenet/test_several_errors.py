"""What is wrong with a card more than once: told by the gateway, and by the error that we raise."""

from __future__ import annotations

from decimal import Decimal

import pytest

from django_dinero.cards import CardDetails
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import AuthenticationError, InvalidCardError
from django_dinero.gateways import gateways
from django_dinero.gateways.types import ChargeRequest
from django_dinero.redaction import Secret
from django_dinero.sandbox.http.server import SandboxServer
from django_dinero.services.errors import error_for


def test_a_wrong_number_that_has_expired(bank: SandboxServer) -> None:
    card = CardDetails(Secret("4111111111111112"), month=1, year=2001)
    result = gateways["default"].charge(
        ChargeRequest("K2345678901234567890", Decimal("5.00"), "USD", source=card)
    )
    assert [(reason.kind, reason.code) for reason in result.reasons] == [
        (ReasonKind.INVALID_CARD, "6"),
        (ReasonKind.EXPIRY, "8"),
    ]
    error = error_for(result.reasons)
    assert isinstance(error, InvalidCardError)
    assert error.gateway_code == "6"
    assert "number is invalid. The credit card has expired." in str(error)


def test_lists_tell_that_the_key_is_wrong(bank: SandboxServer) -> None:
    gateway = gateways["default"]
    bank.bank.account = type(bank.bank.account)(transaction_key=Secret("another-key"))
    with pytest.raises(AuthenticationError) as caught:
        list(gateway.iter_customers())
    assert (caught.value.gateway_code, caught.value.gateway_name) == ("E00007", "default")
