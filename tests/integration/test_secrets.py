"""Planted numbers, CVVs and keys are found nowhere; each search is shown to find what is there."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import pytest

from django_dinero.exceptions import CardDeclinedError, DineroError, OutcomeUnknown
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Transaction
from tests.support import sinks
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db

NUMBER = "4012888818888"
OTHER = "5424000000000015"
MALFORMED = "4012888818889"
CVV = "0738"
SECRETS = [NUMBER, OTHER, MALFORMED]
CARD: dict[str, Any] = {"number": NUMBER, "cvv": CVV, "month": 12, "year": 2031, "zip": "12345"}


@pytest.fixture
def gateway(settings: Any) -> RecordingGateway:
    entry = {"BACKEND": "tests.support.recording.RecordingGateway"}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


def everything_that_can_happen(gateway: RecordingGateway) -> list[DineroError]:
    """Good and bad ends of every verb that sees a number."""
    errors: list[DineroError] = []
    customer = Customer.create("bill@example.com", **CARD)
    customer.add_card(**{**CARD, "number": OTHER})
    card = customer.cards[0]
    card.number, card.cvv = NUMBER, CVV
    with contextlib.suppress(DineroError):
        card.save()
    Transaction.create(5, customer=customer, cvv=CVV)
    Transaction.create(6, **CARD)
    attempts: list[dict[str, Any]] = [
        {**CARD, "zip": "46282"},
        {**CARD, "number": MALFORMED},
        {**CARD, "cvv": CVV + "00"},
        {**CARD, "description": NUMBER},
    ]
    for given in attempts:
        with pytest.raises(DineroError) as caught:
            Transaction.create(7, **given)
        errors.append(caught.value)
        with contextlib.suppress(DineroError):
            Customer.create("bad@example.com", **{k: v for k, v in given.items() if k in CARD})

    def explode(call: Any) -> Any:
        raise ValueError(f"bad value {NUMBER} in request")

    for fault in (lose_reply, refuse_connection, explode):
        for verb, call in (
            ("charge", lambda: Transaction.create(8, **CARD)),
            ("create_customer", lambda: Customer.create("x@example.com", **CARD)),
            ("add_card", lambda: customer.add_card(**{**CARD, "zip": "54321"})),
        ):
            gateway.faults[verb] = fault
            with pytest.raises(DineroError) as caught:
                call()
            errors.append(caught.value)
            gateway.faults.clear()
    return errors


def test_no_secret_is_found_anywhere(gateway: RecordingGateway) -> None:
    with sinks.every_log() as logs:
        errors = everything_that_can_happen(gateway)
    assert len(errors) == 13
    assert sinks.found(logs.getvalue(), SECRETS) == []
    assert sinks.found(sinks.every_row(), [*SECRETS, CVV]) == []
    assert sinks.found(sinks.every_repr(), SECRETS) == []
    for error in errors:
        text = sinks.traceback_with_locals(error, skip=__file__)
        assert sinks.found(text, SECRETS) == [], error.code
        assert sinks.found(sinks.pickled(error), SECRETS) == [], error.code


def test_an_unknown_outcome_has_no_chain(gateway: RecordingGateway) -> None:
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        Transaction.create(8, **CARD)
    assert len(sinks.chain(caught.value)) == 1


# -- Each search finds what is there -------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "card=5424000000000015;",
        "5424 0000 0000 0015",
        "5424-0000-0000-0015",
        "5424%200000%200000%200015",
        "NTQyNDAwMDAwMDAwMDAxNQ==",
    ],
)
def test_the_search_sees_through_disguises(text: str) -> None:
    assert sinks.found(text, [OTHER]) == [OTHER]


@pytest.mark.parametrize("text", ["cvv=0738", "'0738'", "(0738,)", '{"cvv": "0738"}'])
def test_the_search_finds_a_short_secret_that_stands_by_itself(text: str) -> None:
    assert sinks.found(text, [CVV]) == [CVV]
    assert sinks.found("a07380 0c0738ff 1b2c-0738-4d5e", [CVV]) == []


def test_the_log_sink_finds_what_is_logged() -> None:
    with sinks.every_log() as logs:
        logging.getLogger("urllib3.connectionpool").debug("POST %s", NUMBER)
    assert sinks.found(logs.getvalue(), SECRETS) == [NUMBER]


def test_the_row_sink_finds_what_is_stored(gateway: RecordingGateway) -> None:
    customer = Customer.create("bill@example.com")
    Customer.objects.filter(pk=customer.pk).update_without_push(sync_error=f"bad {OTHER}")
    assert sinks.found(sinks.every_row(), SECRETS) == [OTHER]
    assert sinks.found(sinks.every_repr(), SECRETS) == [OTHER]


def test_the_traceback_sink_finds_locals_and_chains() -> None:
    def deep(number: str) -> None:
        try:
            raise ValueError(number)
        except ValueError:
            raise CardDeclinedError("declined") from None

    with pytest.raises(CardDeclinedError) as caught:
        deep(OTHER)
    assert sinks.found(sinks.traceback_with_locals(caught.value, skip=""), SECRETS) == [OTHER]
    assert sinks.found(sinks.pickled(caught.value), SECRETS) == [OTHER]
