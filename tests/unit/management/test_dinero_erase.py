"""``manage.py dinero_erase``: it says whom it means, asks, and tells what is left."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import Customer, Operation, Transaction
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("dinero_erase", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("by", ["email", "customer_id", "public_id"])
def test_a_customer_is_found_by_what_people_know(
    gateway: RecordingGateway, make_customer: Make, by: str
) -> None:
    customer = make_customer(email="Ann@example.com")
    customer.charge("5.00")
    named = str(getattr(customer, by))
    text = told(named.lower() if by == "email" else named, "--no-input")
    assert "Ann@example.com: 1 card, 1 payment" in text
    assert "is erased: 1 card, 1 payment stays without a name, " in text
    assert not Customer.objects.exists()


def test_all_of_an_address_or_those_of_one_gateway(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    make_customer(email="ann@example.com")
    make_customer(email="ann@example.com")
    with pytest.raises(CommandError, match="No gateway is called 'other'"):
        told("ann@example.com", "--gateway", "other", "--no-input")
    told("ann@example.com", "--no-input")
    assert not Customer.objects.exists()


@pytest.mark.parametrize("typed", ["", "y", "no"])
def test_it_asks_first(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: Any, typed: str
) -> None:
    make_customer(email="ann@example.com")
    monkeypatch.setattr(builtins, "input", lambda prompt: typed)
    with pytest.raises(CommandError, match=r"Nothing was done\."):
        told("ann@example.com")
    assert Customer.objects.exists()
    monkeypatch.setattr(builtins, "input", lambda prompt: "yes")
    told("ann@example.com")
    assert not Customer.objects.exists()


def test_nobody_is_there_to_answer(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: Any
) -> None:
    def nobody(prompt: str) -> str:
        raise EOFError

    make_customer(email="ann@example.com")
    monkeypatch.setattr(builtins, "input", nobody)
    with pytest.raises(CommandError, match="pass --no-input"):
        told("ann@example.com")
    assert Customer.objects.exists()


def test_nobody_has_this_name(gateway: RecordingGateway) -> None:
    with pytest.raises(CommandError, match="No customer has"):
        told("nobody", "--no-input")
    with pytest.raises(CommandError, match="No customer has this address"):
        told("nobody@example.com", "--no-input")


def test_a_guest_is_found_in_the_journal(gateway: RecordingGateway, card: Any) -> None:
    Transaction.create("5.00", email="eve@example.com", **card)
    text = told("Eve@example.com", "--no-input")
    assert "1 payment stays without a name, 1 operation stays without a name" in text
    assert not Operation.objects.filter(intent__has_key="email").exists()


GUEST: dict[str, Any] = {
    "email": "Ann@example.com",
    "description": "for Ann",
    "customer_ip": "203.0.113.7",
}


def names_ann() -> bool:
    """Whether a payment, or the journal, still names her as a guest."""
    paid = Transaction.objects.exclude(description="", customer_ip=None)
    return paid.exists() or Operation.objects.filter(intent__has_key="email").exists()


@pytest.mark.parametrize("by", ["email", "customer_id"])
def test_the_question_says_that_payments_as_a_guest_go_too(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: Any, by: str
) -> None:
    customer, out = make_customer(email="ann@example.com"), StringIO()
    monkeypatch.setattr(builtins, "input", lambda prompt: "no")
    with pytest.raises(CommandError, match=r"Nothing was done\."):
        call_command("dinero_erase", getattr(customer, by), stdout=out)
    shown, *rest = out.getvalue().splitlines()
    assert "ann@example.com: 1 card, 0 payments" in shown
    text = (
        "Payments that this address made as a guest, without a customer, lose their names, too: "
        "the journal is searched."
    )
    assert rest == ([text] if by == "email" else [])


@pytest.mark.parametrize("waits", [False, True])
def test_what_a_customer_has_paid_as_a_guest_goes_too(
    gateway: RecordingGateway, make_customer: Make, card: Any, waits: bool
) -> None:
    Transaction.create("5.00", **GUEST, **card)
    make_customer(email="ann@example.com")
    out = StringIO()
    if waits:
        gateway.faults["delete_customer"] = refuse_connection
    with suppress(CommandError):
        call_command("dinero_erase", "ann@example.com", no_input=True, stdout=out)
    expected = "Erased: 1 payment stays without a name, 1 operation stays without a name."
    assert out.getvalue().splitlines()[-1] == expected
    assert not names_ann()


def test_programs_are_told_of_what_was_paid_as_a_guest(
    gateway: RecordingGateway, make_customer: Make, card: Any
) -> None:
    Transaction.create("5.00", **GUEST, **card)
    make_customer(email="ann@example.com").charge("6.00")
    answer = json.loads(told("ann@example.com", "--no-input", "--json"))
    (section,) = answer["gateways"]
    assert (section["counts"]["transactions"], answer["counts"]["transactions"]) == (1, 2)


def test_what_was_paid_as_a_guest_waits_for_the_customer(
    gateway: RecordingGateway, make_customer: Make, card: Any
) -> None:
    Transaction.create("5.00", **GUEST, **card)
    make_customer(email="ann@example.com").charge("6.00")
    busy = Operation.objects.filter(kind="charge").exclude(customer_id="")
    busy.update(state="unknown")
    with pytest.raises(CommandError, match="not erased yet"):
        told("ann@example.com", "--no-input")
    assert names_ann()
    Operation.objects.filter(state="unknown").update(state="succeeded")
    told("ann@example.com", "--no-input")
    assert not names_ann()


def test_an_open_payment_as_a_guest_is_told_beside_the_customer(
    gateway: RecordingGateway, make_customer: Make, card: Any
) -> None:
    make_customer(email="ann@example.com")
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create("5.00", **GUEST, **card)
    out = StringIO()
    with pytest.raises(CommandError, match="not erased yet"):
        call_command("dinero_erase", "ann@example.com", no_input=True, json=True, stdout=out)
    erased, left = json.loads(out.getvalue())["gateways"]
    assert (erased["ok"], left["ok"], left["gateway"]) == (True, False, "default")
    assert "is not finished" in left["problems"][0]
    assert not Customer.objects.exists()


def test_what_still_waits_is_told(gateway: RecordingGateway, make_customer: Make) -> None:
    make_customer(email="ann@example.com")
    gateway.faults["delete_customer"] = refuse_connection
    out = StringIO()
    with pytest.raises(CommandError, match="not erased yet"):
        call_command("dinero_erase", "ann@example.com", no_input=True, stdout=out)
    assert "has not deleted it yet (connection refused)" in out.getvalue()


def test_a_busy_customer_is_named(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer(email="ann@example.com")
    customer.charge("5.00")
    Operation.objects.filter(kind="charge").update(state="unknown")
    out = StringIO()
    with pytest.raises(CommandError, match="not erased yet"):
        call_command("dinero_erase", "ann@example.com", no_input=True, stdout=out)
    assert "is not finished; nothing was erased." in out.getvalue()
