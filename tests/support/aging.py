"""Time passes for rows: what was stored less than a minute ago is never called missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django_dinero.models import CreditCard, Customer


def grow_old(seconds: float = 86_400) -> None:
    """Let this time have passed since every customer and card was stored, in the database."""
    created = datetime.now(UTC) - timedelta(seconds=seconds)
    Customer.objects.update_without_push(created_at=created)
    CreditCard.objects.update_without_push(created_at=created)
