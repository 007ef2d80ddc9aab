"""``manage.py dinero_erase``: it says whom it means, asks, and tells what is left."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_dinero.models import Customer, Operation, Transaction
from tests.support.recording import RecordingGateway, refuse_connection
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
