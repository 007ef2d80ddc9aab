"""What follows an authorization: written one after the other, so that refunds find their capture.

A refund is counted of its capture. One that was made in the gateway's pages names the authorization
where both have one id there, and may be seen before the capture is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from django.db import router, transaction

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.models.transaction import Transaction

ResultT = TypeVar("ResultT")


def one_at_a_time(authorization_pk: int, write: Callable[[], ResultT]) -> ResultT:
    """Write what follows an authorization, after whoever else does so at this moment.

    The authorization's row is written, and not only locked: so a database that reads as of the
    transaction's beginning notices the other one, too.
    """
    using = router.db_for_write(Transaction)

    def write_alone() -> ResultT:
        with transaction.atomic(using=using):
            row = primary(Transaction).filter(pk=authorization_pk)
            row.update(updated_at=datetime.now(UTC))
            return write()

    return retry_on_conflict(write_alone, using)


def move_refunds(capture: Transaction) -> None:
    """Move the refunds of an authorization to its capture, which has got its row just now.

    Refunds of ours follow a capture from the beginning.
    """
    authorization_pk = capture.parent_id
    if capture.kind != TransactionKind.CAPTURE or authorization_pk is None:
        return
    rows = primary(Transaction).filter(parent=authorization_pk, kind=TransactionKind.REFUND)
    one_at_a_time(
        authorization_pk, partial(rows.update, parent=capture, updated_at=datetime.now(UTC))
    )
