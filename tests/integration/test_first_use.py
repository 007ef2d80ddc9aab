"""A gateway that must not or cannot be used is refused before the journal knows of anything."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now

from django_dinero.models import Customer, Operation, Transaction

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
