"""Count a number as new from before it is sent: no charge goes on with the old one's series.

The networks know a series of charges by its first one's id, which was paid with the old number. As
long as nobody knows whether the gateway has the new one, a charge names no such id. That is never
wrong: the holder's next charge begins a series.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from django.db import Error, router, transaction

from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.transactions import in_transaction
from django_dinero.exceptions import DineroError
from django_dinero.models import default_card
from django_dinero.models.card import CreditCard
from django_dinero.models.operation import Operation, OperationState
from django_dinero.services import journal

#: States of an operation whose new number the gateway provably does not have.
REFUSED = (OperationState.DECLINED, OperationState.FAILED)


@contextmanager
def counted_as_new(card: CreditCard, operation: Operation) -> Iterator[None]:
    """Give the row the key of the operation that sends a new number; back if it was refused.

    A worker that dies meanwhile leaves it, and so does one that was so slow that a look-up has
    counted the number as new: the gateway may have it. Inside a transaction the row is written only
    where the answer is missing: the caller's lock on it would last as long as the call.
    """
    using = router.db_for_write(CreditCard, instance=card)
    rows, before = card.stored_row(using), card.number_key
    is_marked = not in_transaction(using)
    if is_marked:
        with journal.released_on_failure(operation):
            retry_on_conflict(partial(rows.update, number_key=operation.key), using)
    try:
        yield
    except DineroError:
        if is_marked and operation.state in REFUSED:
            same = rows.filter(number_key=operation.key)
            with suppress(Error):
                retry_on_conflict(partial(same.update, number_key=before), using)
        elif not is_marked and operation.is_open:
            with suppress(Error):
                _write_in_transaction(card, operation.key, using)
        raise


def _write_in_transaction(card: CreditCard, key: str, using: str) -> None:
    with transaction.atomic(using=using):
        default_card.lock([card.customer_pk], using)  # as every write: the customer first
        card.stored_row(using).update(number_key=key)
