"""Rows that are gone as after a rollback of the caller's, whose operations stayed."""

from __future__ import annotations

from django_dinero.models import Operation, Transaction


def lose_in_rollback(*rows: Transaction) -> None:
    """Take rows away, the last one first, as if they had been written inside a transaction."""
    for row in reversed(rows):
        Transaction.objects.filter(pk=row.pk).delete()
        for operation in Operation.objects.filter(key=row.operation_key):
            operation.intent = {**operation.intent, "in_transaction": True}
            operation.save(update_fields=["intent"])
