"""What a shop does every minute: resolve what is open, push and delete what still waits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count

from django.db.models import Model

from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.models.operation import OPEN_STATES, OperationKind, OperationState
from django_dinero.models.sync_state import WAITING
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import deletions, push
from tests.faults.history import History
from tests.faults.plan import Share
from tests.faults.telling import Telling

#: What a settled journal must not have any more.
OPEN = (OperationState.NEW, OperationState.SENT, OperationState.UNKNOWN)
DELETES = (OperationKind.DELETE_CUSTOMER, OperationKind.DELETE_CARD)
DEADLINES = ("lease_until", "quarantine_until", "next_check_at")
PAST = "2020-01-01T00:00:00Z"
#: How often everything is tried at the end, with time passing between.
ROUNDS = 20


def let_time_pass(history: History) -> None:
    """Move every deadline of an open operation into the past; no worker is alive now."""
    operations = Operation.objects.filter(state__in=OPEN_STATES)
    for column in DEADLINES:
        operations.filter(**{f"{column}__isnull": False}).update(**{column: PAST})
    history.tell("time passes", open=operations.count())


def left_over() -> int:
    """Return how much is still open or waits."""
    waiting = sum(
        model.objects.filter(sync_state__in=WAITING).count() for model in (Customer, CreditCard)
    )
    return Operation.objects.filter(state__in=OPEN).count() + waiting


class Settling(Telling):
    """Brings everything as far as it goes now."""

    def __init__(self, share: Share, history: History) -> None:
        super().__init__(share, history)
        self._tries = count(1)

    def resolve(self) -> None:
        """Find out how each open operation ended."""
        for operation in Operation.objects.filter(state__in=OPEN).order_by("pk"):
            self._try(operation, partial(look_up, operation))

    def delete(self) -> None:
        """Drive each delete that waits, and those that are proven not to have happened."""
        repeated = Operation.objects.exclude(parent_key="").values_list("parent_key", flat=True)
        absent = Operation.objects.filter(kind__in=DELETES, state=OperationState.ABSENT)
        for operation in absent.exclude(key__in=list(repeated)).order_by("pk"):
            self._try(operation, partial(deletions.record_deletion_again, operation))
        new = Operation.objects.filter(kind__in=DELETES, state=OperationState.NEW)
        for operation in new.order_by("pk"):
            self._try(operation, partial(deletions.push_delete, operation.key))

    def push(self) -> None:
        """Push each customer, then each card that waits."""
        for row in Customer.objects.filter(sync_state__in=WAITING).order_by("pk"):
            self._try(row, partial(push.push_customer, row.pk))
        for card in CreditCard.objects.filter(sync_state__in=WAITING).order_by("pk"):
            self._try(card, partial(push.push_card, card.pk))

    def finish(self) -> None:
        """Settle again and again until nothing is left; the books tell what never settles."""
        for _round in range(ROUNDS):
            let_time_pass(self.history)
            self.work()
            if not left_over():
                return

    def _end(self, result: dict[str, object]) -> None:
        """Tell nothing: each row has told how it ended."""

    def _try(self, row: Model, act: Callable[[], object]) -> None:
        self._verb["n"] = next(self._tries)
        self.begin(row)
        self.tell("ended", **self.tried(act))
