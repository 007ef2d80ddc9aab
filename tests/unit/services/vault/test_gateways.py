"""The gateway that a push or a delete is sent to, where it cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from django_dinero.exceptions import NotSent
from django_dinero.models import Customer, Operation
from django_dinero.services.vault.push import push_customer
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


def test_what_is_wrong_is_for_the_log_alone(
    gateway: RecordingGateway,
    make_customer: Callable[..., Customer],
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It may name a credential; a row and the journal keep what people read."""
    customer = make_customer()
    Customer.objects.update(email="new@example.com")
    settings.DINERO = {"GATEWAYS": {"default": {"BACKEND": "no.such.Backend"}}}
    for act in (partial(push_customer, customer.pk), customer.delete):
        with pytest.raises(NotSent, match="is not set up"):
            act()
        assert "no.such.Backend" in caplog.text
        caplog.clear()
        kept = [*Customer.objects.values("sync_error"), *Operation.objects.values("outcome")]
        assert "no.such" not in str(kept)
