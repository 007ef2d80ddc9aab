"""A gateway that must not or cannot be used is refused before the journal knows of anything."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.timezone import now

from django_dinero.exceptions import NotSent
from django_dinero.models import Customer, Operation, Transaction
from django_dinero.services.vault import push

SANDBOX = "django_dinero.gateways.sandbox.SandboxGateway"
AUTHORIZENET = "django_dinero.gateways.authorizenet.AuthorizeNetGateway"
KEYS = {"login_id": "login", "transaction_key": "key"}
CARD: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": now().year + 2}

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("backend", "options", "text"),
    [
        (SANDBOX, {}, "is the test bank, and DEBUG is off"),
        (SANDBOX, {"store": "/nowhere/at/all.sqlite3", "allow_in_production": True}, "folder"),
        (AUTHORIZENET, {**KEYS, "endpoint": "http://pay.example/x"}, "card numbers may go"),
        (AUTHORIZENET, {**KEYS, "environment": "sandbox", "ca_bundle": "/nowhere.pem"}, "nowhere"),
        (AUTHORIZENET, {**KEYS, "environment": "sandbox", "proxy": "nonsense"}, "proxy"),
        (AUTHORIZENET, {**KEYS, "environment": "sandbox", "lease_seconds": 9}, "lease"),
    ],
)
def test_a_wrong_setting_is_no_unknown_outcome(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    options: dict[str, Any],
    text: str,
) -> None:
    settings.DINERO = {"GATEWAYS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
    monkeypatch.delattr(mail, "outbox")  # what a test run has and a server has not
    with pytest.raises(ImproperlyConfigured, match=text):
        Transaction.create("5.00", **CARD)
    with pytest.raises(ImproperlyConfigured, match=text):
        Customer.create("bill@example.com", **CARD)
    assert not Operation.objects.exists()
    assert not Customer.objects.exists()


@pytest.fixture
def broken(settings: Any) -> dict[str, Any]:
    """The entry of a gateway that worked when its customers were stored; to be broken by a test."""
    entry: dict[str, Any] = {"BACKEND": SANDBOX, "OPTIONS": {}}
    settings.DINERO = {"GATEWAYS": {"default": {"BACKEND": SANDBOX}, "broken": entry}}
    return entry


def test_a_save_is_refused_before_anything_is_written(broken: dict[str, Any]) -> None:
    customer = Customer.create("bill@example.com", gateway_name="broken")
    broken["OPTIONS"] = {"store": "/nowhere/at/all.sqlite3"}
    customer.email = "fred@example.com"
    with pytest.raises(ImproperlyConfigured, match="folder of the store"):
        customer.save()
    customer.refresh_from_db()
    assert (customer.email, customer.sync_state) == ("bill@example.com", "synced")


def test_a_delete_waits_and_the_other_pushes_of_its_commit_run(broken: dict[str, Any]) -> None:
    gone = Customer.create("gone@example.com", gateway_name="broken")
    other = Customer.create("other@example.com")
    broken["OPTIONS"] = {"store": "/nowhere/at/all.sqlite3"}
    with transaction.atomic():
        gone.delete()
        other.first_name = "Ann"
        other.save()
    other.refresh_from_db()
    assert other.sync_state == "synced"
    assert [o.state for o in Operation.objects.filter(kind="delete_customer")] == ["new"]


def test_a_push_that_waited_says_so_on_the_row_and_why_in_the_log(
    broken: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    customer = Customer.create("bill@example.com", gateway_name="broken")
    Customer.objects.filter(pk=customer.pk).update(email="fred@example.com")
    broken["OPTIONS"] = {"store": "/nowhere/at/all.sqlite3"}
    with pytest.raises(NotSent, match="is not set up") as caught:
        push.push_customer(customer.pk)
    assert "folder of the store" in str(caught.value.__cause__)
    assert "folder of the store" in caplog.text
    customer.refresh_from_db()
    assert customer.sync_state == "error"
    assert customer.sync_error == "The payment gateway is not set up. Nothing was sent."
