"""Fills the tables for the admin: payments of each kind and ending, events, differences, runs.

PostgreSQL alone: nowhere else does the database say how long a query took.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from benchmarks.growth_fill import fill, settle_down
from benchmarks.growth_shop import BUSY, QUIET
from django_dinero.models import Customer, Difference, Reconciliation
from django_dinero.models.reconciliation import ReconciliationState

#: What the columns of a transaction are, by its number. An authorization is followed by its
#: capture, but for one in ten; few payments go another way than into a batch.
VARIETY = {
    "kind": "CASE WHEN i % 33 = 0 THEN 'refund' WHEN i % 25 = 3 THEN 'authorization' "
    "WHEN i % 25 = 4 AND i % 250 <> 4 AND i % 33 <> 1 THEN 'capture' ELSE 'charge' END",
    "parent_id": "CASE WHEN i % 33 = 0 OR (i % 25 = 4 AND i % 250 <> 4 AND i % 33 <> 1) "
    "THEN before_pk END",
    "status": "CASE WHEN i % 20 = 7 THEN 'declined' WHEN i % 5000 = 11 THEN 'held' "
    "WHEN i % 100 = 13 THEN 'voided' WHEN i % 4000 = 17 THEN 'failed' "
    "WHEN i % 4000 = 19 THEN 'expired' WHEN i % 3000 = 21 THEN 'returned' "
    "WHEN i % 2500 = 24 THEN 'charged_back' WHEN i % 30000 = 31 THEN 'requires_action' "
    "WHEN i > {count} * 0.99 OR i % 25 = 3 THEN 'approved' ELSE 'settled' END",
    "reason": "CASE WHEN i % 20 <> 7 THEN '' WHEN i % 3 = 0 THEN 'cvv_mismatch' "
    "ELSE 'card_declined' END",
    "currency": "CASE WHEN i % 10 = 5 THEN 'EUR' ELSE 'USD' END",
    "gateway_name": "CASE WHEN i % 1000 = 501 THEN 'second' ELSE 'default' END",
}
CARD: dict[str, Any] = {"number": "4111111111111111", "cvv": "900", "month": 12, "year": 2040}
#: Of so many transactions one was told by a webhook.
TOLD = 3

_EVENTS = """
    INSERT INTO dinero_webhookevent (gateway_name, live, event_id, event_type, object_kind,
        object_id, customer_id, operation_key, state, attempts, worker, error, body, received_at)
    SELECT gateway_name, live, md5('event' || id), 'net.authorize.payment.authcapture.created',
        'transaction', transaction_id, '', '',
        CASE WHEN id %% 9000 = 0 THEN 'given_up' WHEN id %% 6000 = 0 THEN 'parked'
        ELSE 'applied' END, 1, '', '', '{}', created_at
    FROM dinero_transaction WHERE id %% %s = 0 ORDER BY id
"""
_STORED = """
    INSERT INTO dinero_operation (key, scope, fingerprint, kind, gateway_name, live, lock_name,
        owner_pk, customer_key, customer_id, card_id, transaction_id, parent_key, currency, state,
        intent, outcome, worker, attempts, created_at, updated_at)
    SELECT substr(translate(upper(md5(kind || id)), '0189', 'WXYZ'), 1, 20), '', '', kind,
        gateway_name, live, 'customer:' || gateway_name || ':' || customer_key, '', customer_key,
        customer_id, '', '', '', '', 'succeeded', jsonb_build_object('email', email), '{}', '', 1,
        created_at, created_at
    FROM dinero_customer
    CROSS JOIN (VALUES ('create_customer', 1), ('delete_customer', 500)) AS made (kind, every)
    WHERE id % every = 0
    ORDER BY id
"""
#: States that few operations have; what is being sent at this moment; customers to be pushed.
_MORE = (
    """
    UPDATE dinero_operation SET state = CASE id % 60000 WHEN 79 THEN 'needs_attention'
        WHEN 80 THEN 'absent' ELSE 'closed' END WHERE id % 60000 IN (79, 80, 81)
    """,
    """
    UPDATE dinero_operation SET state = 'sent', lease_until = now() + interval '1 minute'
        WHERE id IN (SELECT id FROM dinero_operation WHERE kind = 'charge' ORDER BY id DESC LIMIT 3)
    """,
    """
    UPDATE dinero_operation SET state = 'new', held_lock = lock_name
        WHERE id IN (SELECT max(id) FROM dinero_operation WHERE kind = 'delete_customer')
    """,
    """
    UPDATE dinero_customer SET sync_state = CASE id % 3 WHEN 0 THEN 'error' WHEN 1 THEN 'pending'
        ELSE 'missing' END WHERE id % 3000 < 3
    """,
)


def fill_shop(count: int) -> User:
    """Write a shop's past with so many transactions; return somebody of its staff."""
    for number in range(1, BUSY + QUIET + 1):
        user = User.objects.create(username=f"user{number}")
        Customer.create(f"{user.username}@example.com", owner=user, address="123 Elm St", **CARD)
    status = VARIETY["status"].format(count=count)
    fill(count, BUSY, QUIET, {**VARIETY, "status": status})
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, [TOLD])
        cursor.execute(_STORED)
        for sql in _MORE:
            cursor.execute(sql)
    _reconciled()
    settle_down()
    return User.objects.create_superuser("staff")


def _reconciled() -> None:
    """Write what reconcile found in a year: a run each hour, few differences."""
    ended = ReconciliationState.FINISHED
    given = {"gateway_name": "default", "live": False}
    now = timezone.now()
    Reconciliation.objects.bulk_create(
        Reconciliation(state=ended, since=now, ended_at=now, **given) for _hour in range(24 * 365)
    )
    Difference.objects.bulk_create(
        Difference(
            kind="books" if number % 2 else "status",
            subject=f"subject {number}",
            open_name=f"name {number}" if number % 50 == 0 else None,
            state="closed" if number % 50 else "open",
            transaction_id=str(7_000_000_000 + number),
            **given,
        )
        for number in range(1000)
    )
