"""Time that passes without anybody waiting."""

from __future__ import annotations

from django_dinero.models import Operation, Reconciliation, WebhookEvent
from tests.support.aging import grow_old, let_tellings_die

PAST = "2020-01-01T00:00:00Z"
DEADLINES = ("lease_until", "quarantine_until", "next_check_at")


def let_time_pass() -> None:
    """Move every deadline into the past, and all rows out of their first minute."""
    operations = Operation.objects.all()
    for column in DEADLINES:
        operations.filter(**{f"{column}__isnull": False}).update(**{column: PAST})
    Reconciliation.objects.filter(lease_until__isnull=False).update(lease_until=PAST)
    for column in ("lease_until", "next_try_at"):
        WebhookEvent.objects.filter(**{f"{column}__isnull": False}).update(**{column: PAST})
    grow_old()
    let_tellings_die()
