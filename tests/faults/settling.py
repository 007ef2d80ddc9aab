"""What a shop does every minute: resolve what is open, push and delete what still waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

from django.db.models import Model

from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard, Customer, Operation, Reconciliation
from django_dinero.models.operation import OPEN_STATES, OperationKind, OperationState
from django_dinero.models.reconciliation import ReconciliationState
from django_dinero.models.sync_state import WAITING
from django_dinero.services.reconcile.run import reconcile
from django_dinero.services.recovery.lookup import look_up
from django_dinero.services.vault import push, waiting
from tests.faults.history import History
from tests.faults.plan import Share
from tests.faults.telling import Telling
from tests.support.aging import let_tellings_die

#: What a settled journal must not have any more.
OPEN = (OperationState.NEW, OperationState.SENT, OperationState.UNKNOWN)
DEADLINES = ("lease_until", "quarantine_until", "next_check_at")
PAST = "2020-01-01T00:00:00Z"
REFUSED = (OperationState.FAILED, OperationState.DECLINED)
PUSHES = (OperationKind.CREATE_CUSTOMER, OperationKind.UPDATE_CUSTOMER, OperationKind.UPDATE_CARD)
#: How often it is reconciled at the end, with time passing between.
ROUNDS = 3


def let_time_pass(history: History) -> None:
    """Move every deadline into the past; no worker is alive now."""
    for column in DEADLINES:
        due = Operation.objects.filter(**{f"{column}__isnull": False})
        due.update(**{column: PAST})
    Reconciliation.objects.filter(lease_until__isnull=False).update(lease_until=PAST)
    let_tellings_die()
    # A row that was refused twice within a minute rests, counted from then.
    refused = Operation.objects.filter(state__in=REFUSED, kind__in=PUSHES)
    refused.update(sent_at=PAST)
    history.tell("time passes", open=Operation.objects.filter(state__in=OPEN_STATES).count())


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
        """Drive the deletes that wait, and those that are proven not to have happened."""
        self._try_all(lambda: dict(waiting.drive_deletes(get_gateway())))

    def push(self) -> None:
        """Push each customer, then each card that waits."""
        for row in Customer.objects.filter(sync_state__in=WAITING).order_by("pk"):
            self._try(row, partial(push.push_customer, row.pk))
        for card in CreditCard.objects.filter(sync_state__in=WAITING).order_by("pk"):
            self._try(card, partial(push.push_card, card.pk))

    def reconcile(self) -> None:
        """Reconcile, as far as it gets."""
        self._try_all(lambda: str(reconcile("default").state))

    def look_up_sent(self, process: int) -> None:
        """Take the worker of a process for dead, as all do whose clocks run on; look up its work.

        The quarantine is not over: what it has sent may still arrive.
        """
        theirs = Operation.objects.filter(worker__contains=f":{process}:", state__in=OPEN)
        self._look_up(list(theirs.values_list("pk", flat=True)), DEADLINES[:1])

    def look_up_unsent(self, key: str) -> None:
        """Take for dead who has claimed an operation and not sent it; look it up hours later.

        That proves that nothing was sent, and it must never be.
        """
        theirs = Operation.objects.filter(key=key)
        self._look_up(list(theirs.values_list("pk", flat=True)), DEADLINES)

    def _look_up(self, pks: list[int], over: Sequence[str]) -> None:
        theirs = Operation.objects.filter(pk__in=pks)
        theirs.update(**dict.fromkeys(over, PAST))
        for operation in theirs.order_by("pk"):
            self._try(operation, partial(look_up, operation))

    def finish(self) -> None:
        """Reconcile until nothing is left; the books tell what never settles.

        Once has to do. What was refused a moment ago rests, and time passes for it too.
        """
        for times in range(1, ROUNDS + 1):
            let_time_pass(self.history)
            run = reconcile("default")
            left = left_over()
            self.history.tell(
                "reconciled", times=times, left=left, state=run.state, error=run.error, **run.counts
            )
            if not left and run.state == ReconciliationState.FINISHED:
                return

    def _end(self, result: dict[str, object]) -> None:
        """Tell nothing: each row has told how it ended."""

    def _try(self, row: Model, act: Callable[[], object]) -> None:
        self._try_all(act, row)

    def _try_all(self, act: Callable[[], object], *rows: Model) -> None:
        self._verb["n"] = next(self._tries)
        self.begin(*rows)
        self.tell("ended", **self.tried(act))
