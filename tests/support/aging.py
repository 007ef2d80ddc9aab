"""Time passes for rows: what was stored less than a minute ago is never called missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django_dinero.models import CreditCard, Customer, Operation


def grow_old(seconds: float = 86_400) -> None:
    """Let this time have passed since every customer and card was stored, in the database."""
    created = datetime.now(UTC) - timedelta(seconds=seconds)
    Customer.objects.update_without_push(created_at=created)
    CreditCard.objects.update_without_push(created_at=created)


def let_tellings_die() -> None:
    """Let the runs that were telling of orphans have died long ago."""
    for operation in Operation.objects.filter(outcome__has_key="telling"):
        told_from = {**operation.outcome, "telling": "2020-01-01T00:00:00+00:00"}
        Operation.objects.filter(pk=operation.pk).update(outcome=told_from)
