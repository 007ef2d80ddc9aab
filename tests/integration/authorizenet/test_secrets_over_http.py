"""Planted numbers, CVVs and keys on the wire to Authorize.Net: found in no sink of ours."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from django_dinero.exceptions import DineroError, OutcomeUnknown
from django_dinero.gateways.authorizenet import xml
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.sandbox.http.faults import FaultName
from django_dinero.sandbox.http.server import SandboxServer
from tests.support import sinks
from tests.support.witness import OFFICIAL, Witness

pytestmark = pytest.mark.django_db

NUMBER = "4012888818888"
OTHER = "5424000000000015"
CVV = "0738"
KEY = "sandbox-key"
CARD: dict[str, Any] = {"number": NUMBER, "cvv": CVV, "month": 12, "year": 2035, "zip": "12345"}
BROKEN = (
    FaultName.DROP_BEFORE,
    FaultName.DROP_AFTER,
    FaultName.TRUNCATE,
    FaultName.GARBAGE,
    FaultName.STATUS_500,
)

#: What a worker may be doing when it is stopped, and where that is.
MOMENTS: dict[str, Any] = {
    "build": xml,
    "connect": urllib3.connection.HTTPConnection,
    "endheaders": http.client.HTTPConnection,
    "getresponse": http.client.HTTPConnection,
    "parse": xml,
}


def verbs(customer: Customer) -> list[tuple[str, Callable[[], object]]]:
    """Every verb that sends a number, with the request that carries it."""

    def replace_number() -> None:
        card = customer.cards[0]
        card.number, card.cvv = OTHER, CVV
        card.save()

    return [
        ("createTransaction", lambda: Transaction.create(5, **CARD)),
        ("createTransaction", lambda: Transaction.create(5, customer=customer, cvv=CVV)),
        ("createCustomerProfile", lambda: Customer.create("x@example.com", **CARD)),
        (
            "createCustomerPaymentProfile",
            lambda: customer.add_card(**{**CARD, "number": OTHER}),
        ),
        ("updateCustomerPaymentProfile", replace_number),
    ]


def everything(bank: SandboxServer) -> list[DineroError]:
    """Good ends, refusals and every way in which the wire breaks."""
    errors: list[DineroError] = []
    customer = Customer.create("bill@example.com", **CARD)
    customer.add_card(**{**CARD, "number": OTHER, "zip": "54321"})
    for zip_code in ("46282", "12345"):
        with contextlib.suppress(DineroError):
            Transaction.create(6, **{**CARD, "zip": zip_code})
    for fault in BROKEN:
        for index in range(len(verbs(customer))):
            root, verb = verbs(Customer.create(f"{fault}{index}@example.com", **CARD))[index]
            bank.faults.add(fault, f"{root}Request")
            with pytest.raises(DineroError) as caught:
                verb()
            bank.faults.clear()
            errors.append(caught.value)
    return errors


@pytest.mark.slow
def test_no_secret_is_found_anywhere(bank: SandboxServer) -> None:
    with sinks.every_log() as logs:
        errors = everything(bank)
    assert len(errors) == len(BROKEN) * 5
    secrets = [NUMBER, OTHER, KEY]
    assert sinks.found(logs.getvalue(), secrets) == []
    assert sinks.found(sinks.every_row(), [*secrets, CVV]) == []
    assert sinks.found(sinks.every_repr(), secrets) == []
    for error in errors:
        text = sinks.traceback_with_locals(error, skip=__file__)
        assert sinks.found(text, secrets) == [], error.code
        assert sinks.found(sinks.pickled(error), secrets) == [], error.code
        assert [type(member) for member in sinks.chain(error)] == [type(error)]


@pytest.mark.parametrize("stop", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_frame_holds_a_secret_when_a_worker_is_stopped(
    stop: type[BaseException],
    index: int,
    moment: str,
    bank: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server's timeout raises SystemExit inside the call, at whatever it is doing."""
    customer = Customer.create("bill@example.com", **CARD)
    verb = verbs(customer)[index][1]

    def stopped(*args: Any, **kwargs: Any) -> None:
        raise stop

    get_gateway().client._http.close()  # type: ignore[attr-defined]
    monkeypatch.setattr(MOMENTS[moment], moment, stopped)
    with sinks.every_log() as logs, pytest.raises(stop) as caught:
        verb()
    monkeypatch.undo()
    shown = sinks.traceback_with_locals(caught.value, skip=__file__)
    secrets = [NUMBER, OTHER, KEY, CVV]
    assert sinks.found(shown + sinks.pickled(caught.value) + logs.getvalue(), secrets) == []
    assert [type(member) for member in sinks.chain(caught.value)] == [stop]
    assert Operation.objects.latest("pk").state == "sent"


def test_a_gateway_that_echoes_the_number(
    bank: SandboxServer, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E00003 quotes the bad value; what is stored and raised is scrubbed."""
    monkeypatch.setattr(type(get_gateway()), "check_request", lambda self, request: None)
    long_number = "4111111111111111110"  # 19 digits: the schema allows 16
    with sinks.every_log() as logs, pytest.raises(DineroError) as caught:
        Transaction.create(5, **{**CARD, "number": long_number})
    assert caught.value.gateway_code == "E00003"
    assert len(witness.faults) == (0 if OFFICIAL is None else 1)
    witness.faults.clear()
    assert "[secret]" in str(caught.value)
    for text in (logs.getvalue(), sinks.every_row(), sinks.every_repr()):
        assert sinks.found(text, [long_number]) == []
    shown = sinks.traceback_with_locals(caught.value, skip=__file__)
    assert sinks.found(shown, [long_number]) == []


def test_the_search_finds_what_is_there(bank: SandboxServer) -> None:
    bank.faults.add(FaultName.DROP_AFTER)
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(5, **CARD)
    caught.value.args = (f"planted {NUMBER} and {KEY}",)
    shown = sinks.traceback_with_locals(caught.value, skip=__file__)
    assert sinks.found(shown, [NUMBER, KEY]) == [NUMBER, KEY]
