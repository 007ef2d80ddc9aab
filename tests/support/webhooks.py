"""Webhooks of the in-process bank, signed and posted as a gateway does."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.sandbox.webhooks import sign
from django_dinero.gateways.types import WebhookNotice
from django_dinero.models import WebhookEvent
from django_dinero.services import webhooks

_numbers = itertools.count(1)
PAST = datetime.now(UTC) - timedelta(days=1)


def notice(kind: str, object_id: str, event_type: str = "", **given: Any) -> WebhookNotice:
    """A notice with an id of its own."""
    name = event_type or f"{kind}.changed"
    return WebhookNotice(f"evt-{next(_numbers)}", name, kind, object_id, **given)


def address(name: str = "default") -> str:
    """Where a gateway posts to."""
    return reverse("dinero-webhooks:webhook", args=[name])


def post(gateway: SandboxGateway, told: WebhookNotice) -> Any:
    """Post a signed webhook; it is applied when this returns."""
    headers, body = sign(told, gateway.bank.account.signature_key)
    return Client().post(
        address(gateway.name), body, content_type="application/json", headers=headers
    )


def receive(gateway: SandboxGateway, told: WebhookNotice) -> WebhookEvent | None:
    """Store a notice and apply it, without HTTP; None if it is known."""
    _headers, body = sign(told, gateway.bank.account.signature_key)
    event = webhooks.store(gateway, told, body)
    if event is not None:
        webhooks.apply_inline(event)
        event.refresh_from_db()
    return event


def let_time_pass() -> None:
    """Let every lease run out, and every wait for the next try."""
    WebhookEvent.objects.exclude(lease_until=None).update(lease_until=PAST)
    WebhookEvent.objects.exclude(next_try_at=None).update(next_try_at=PAST)
