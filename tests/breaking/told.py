"""What callers were told and receivers heard: none of it may be false or doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django_dinero import signals
from django_dinero.exceptions import DineroError
from django_dinero.models import Operation, Transaction, WebhookEvent
from django_dinero.models.transaction_status import TransactionStatus
from tests.breaking.verbs import Act, GoneError

#: What a caller may see afterwards of a payment that was told to be approved.
APPROVED = (
    TransactionStatus.APPROVED,
    TransactionStatus.SETTLED,
    TransactionStatus.VOIDED,
    TransactionStatus.RETURNED,
)
REFUSED = (TransactionStatus.DECLINED, TransactionStatus.FAILED)


class Told:
    """What callers were told, so that it can be held against what is true in the end."""

    def __init__(self) -> None:
        self._approved: list[str] = []
        self._refused: list[str] = []
        self._broken: list[str] = []

    def by(self, act: Act) -> None:
        """Do something, and note what its caller gets."""
        try:
            row = act()
        except DineroError as error:
            row = error.transaction
            if row is not None and row.status in REFUSED:
                self._refused.append(row.operation_key or "")
            return
        if isinstance(row, Transaction) and row.status in APPROVED and row.operation_key:
            self._approved.append(row.operation_key)

    def meanwhile(self, act: Act) -> None:
        """As :meth:`by`, in another process: whatever else it raises is a fault."""
        try:
            with suppress(GoneError):
                self.by(act)
        except Exception as error:
            self._broken.append(f"raised: {type(error).__name__}: {error}")

    def falsehoods(self) -> Iterator[str]:
        """Yield a line for each caller who was told what is not so."""
        yield from self._broken
        statuses = dict(Transaction.objects.values_list("operation_key", "status"))
        for key in self._approved:
            if statuses.get(key) not in APPROVED:
                yield f"told: {key} was said to be approved, and is {statuses.get(key)}"
        for key in self._refused:
            if statuses.get(key) in APPROVED:
                yield f"told: {key} was said to be refused, and is {statuses.get(key)}"


#: Sent once of each payment, or never where the process died before.
ONCE = (
    *("charged", "charge_failed", "captured", "voided", "refunded", "settled", "expired"),
    *("returned", "charged_back", "charge_orphaned", "landed_late"),
)


class Heard:
    """What receivers of signals heard."""

    def __init__(self) -> None:
        self._heard: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen in this block."""
        receivers = [(getattr(signals, name), self._payment(name)) for name in ONCE]
        receivers += [
            (signals.operation_changed, self._operation),
            (signals.webhook_applied, self._event),
        ]
        for signal, receiver in receivers:
            signal.connect(receiver, weak=False)
        try:
            yield
        finally:
            for signal, receiver in receivers:
                signal.disconnect(receiver)

    def doubled(self, replays: int) -> Iterator[str]:
        """Yield a line for each thing that was told more than once.

        Args:
            replays: how often somebody asked that an event be applied again, and told again.
        """
        for (name, subject), count in self._heard.items():
            if count > (max(1, replays) if name == "webhook_applied" else 1):
                yield f"heard: {name} of {subject} {count} times"

    def _payment(self, name: str) -> Callable[..., None]:
        def receive(transaction: Transaction | None = None, **_: Any) -> None:
            if transaction is not None:
                subject = transaction.operation_key or f"{transaction.transaction_id}"
                self._heard[name, f"{transaction.kind} {subject}"] += 1

        return receive

    def _operation(self, operation: Operation, old_state: str, new_state: str, **_: Any) -> None:
        self._heard["operation_changed", f"{operation.key} {old_state} {new_state}"] += 1

    def _event(self, event: WebhookEvent, **_: Any) -> None:
        self._heard["webhook_applied", f"{event.event_id} {event.attempts}"] += 1
