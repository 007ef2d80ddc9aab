"""What a shop does every minute: resolve what is open, push and delete what still waits."""

from __future__ import annotations

import contextlib

from django.db import connection

from django_dinero.exceptions import DineroError
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.models.marks import WAITING
from django_dinero.models.operation import OperationKind, OperationState
from django_dinero.services import deletes, outbox
from django_dinero.services.lookup import resolve

#: What a settled journal must not have any more.
OPEN = (OperationState.NEW, OperationState.SENT, OperationState.UNKNOWN)
DELETES = (OperationKind.DELETE_CUSTOMER, OperationKind.DELETE_CARD)


def settle_all() -> int:
    """Bring everything as far as it goes now; return how much is still open or waits."""
    for operation in Operation.objects.filter(state__in=OPEN).order_by("pk"):
        with contextlib.suppress(DineroError):
            resolve(operation)
    _delete()
    _push()
    connection.close()
    open_ones = Operation.objects.filter(state__in=OPEN).count()
    return open_ones + sum(
        model.objects.filter(sync_state__in=WAITING).count() for model in (Customer, CreditCard)
    )


def _delete() -> None:
    repeated = set(Operation.objects.exclude(parent_key="").values_list("parent_key", flat=True))
    absent = Operation.objects.filter(kind__in=DELETES, state=OperationState.ABSENT)
    for operation in absent.exclude(key__in=repeated):
        deletes.bury_again(operation)
    for operation in Operation.objects.filter(kind__in=DELETES, state=OperationState.NEW):
        with contextlib.suppress(DineroError):
            deletes.push_delete(operation.key)


def _push() -> None:
    for row in Customer.objects.filter(sync_state__in=WAITING):
        with contextlib.suppress(DineroError):
            outbox.push_customer(row.pk)
    for card in CreditCard.objects.filter(sync_state__in=WAITING):
        with contextlib.suppress(DineroError):
            outbox.push_card(card.pk)
