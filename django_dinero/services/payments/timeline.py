"""What happened to a payment, in the order in which it happened: who did it, and the answer.

It is computed from rows and operations that were read already, so that it can be tested, and shown
anywhere, without a request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from django_dinero.enums import ReasonKind, TransactionKind
from django_dinero.models import journal_notes
from django_dinero.models.operation import OPEN_STATES, Operation, OperationKind, OperationState
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.standing import Tone
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, UNDECIDED, TransactionStatus
from django_dinero.money import normalise
from django_dinero.services.ledger import DECISIONS

Kind, Status, State = TransactionKind, TransactionStatus, OperationState

#: What is said of a movement that the gateway has carried out.
DONE: Mapping[str, Any] = {
    Kind.CHARGE: pgettext_lazy("event", "Charged"),
    Kind.AUTHORIZATION: pgettext_lazy("event", "Authorized"),
    Kind.CAPTURE: pgettext_lazy("event", "Captured"),
    Kind.VOID: pgettext_lazy("event", "Voided"),
    Kind.REFUND: pgettext_lazy("event", "Refunded"),
}
REFUND_CANCELLED = pgettext_lazy("event", "Refund cancelled")
#: What is said of a movement that the gateway has refused, or has not carried out yet.
ATTEMPTS: Mapping[str, Any] = {
    Status.DECLINED: pgettext_lazy("event", "%(kind)s declined"),
    Status.FAILED: pgettext_lazy("event", "%(kind)s failed"),
    Status.HELD: pgettext_lazy("event", "%(kind)s held for review"),
    Status.REQUIRES_ACTION: pgettext_lazy("event", "%(kind)s waits for the card's holder"),
}
#: What may become of a row afterwards without an operation of ours.
LATER: Mapping[str, tuple[Any, Tone]] = {
    Status.SETTLED: (pgettext_lazy("event", "Settled by the bank"), Tone.GOOD),
    Status.RETURNED: (pgettext_lazy("event", "Returned by the bank"), Tone.BAD),
    Status.CHARGED_BACK: (pgettext_lazy("event", "Charged back"), Tone.BAD),
    Status.EXPIRED: (pgettext_lazy("event", "Expired"), Tone.NEUTRAL),
    Status.VOIDED: (pgettext_lazy("event", "Voided at the gateway"), Tone.NEUTRAL),
}
DECIDED: Mapping[str, Any] = {
    OperationKind.APPROVE_HELD: pgettext_lazy("event", "Approved in review"),
    OperationKind.DECLINE_HELD: pgettext_lazy("event", "Declined in review"),
}
#: What became of an undecided payment without a decision of ours, by whether it was approved.
DECIDED_THERE: Mapping[str, tuple[Any, Any]] = {
    Status.HELD: (
        pgettext_lazy("event", "Approved at the gateway"),
        pgettext_lazy("event", "Declined at the gateway"),
    ),
    Status.REQUIRES_ACTION: (
        pgettext_lazy("event", "Confirmed by the card's holder"),
        pgettext_lazy("event", "Not confirmed by the card's holder"),
    ),
}
#: The status that a row began with, by the reason that it keeps.
BEGAN: Mapping[str, str] = {
    ReasonKind.HELD: Status.HELD,
    ReasonKind.ACTION_REQUIRED: Status.REQUIRES_ACTION,
}
#: Where an operation was asked for, by the first part of its scope.
ROOMS: Mapping[str, Any] = {
    "admin": gettext_lazy("%(name)s, in the admin"),
    "user": gettext_lazy("%(name)s, through the API"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        at: when, as far as it is known here.
        title: what, in a few words.
        tone: what it means for the business.
        amount: how much money it was about, in ``currency``; None where it was about none.
        made_by: who asked for it; empty if nobody said.
        answer: what the gateway, or we, said about it.
        note: the reason that whoever asked for it has given.
        row: the transaction that it made or changed.
        operation: the journal's row of it.
    """

    at: datetime
    title: str
    tone: Tone
    amount: Decimal | None = None
    currency: str = ""
    made_by: str = ""
    answer: str = ""
    note: str = ""
    row: Transaction | None = None
    operation: Operation | None = None


def timeline(rows: Collection[Transaction], operations: Collection[Operation]) -> list[Event]:
    """Return what happened to a payment, the oldest first.

    Args:
        rows: the payment with all that has followed it.
        operations: those that made the rows, and all others that had a lock on one.
    """
    by_key = {operation.key: operation for operation in operations}
    events = [event for row in rows for event in _of_row(row, by_key, rows)]
    made = {row.operation_key for row in rows}
    for operation in operations:
        if operation.key not in made:
            events.append(_of_operation(operation, rows))
    return sorted(events, key=lambda event: event.at)


def _of_row(
    row: Transaction, by_key: Mapping[str, Operation], rows: Collection[Transaction]
) -> Iterator[Event]:
    operation = by_key.get(row.operation_key or "")
    status = _first_status(row)
    done = status not in ATTEMPTS
    title = _done_title(row, rows) if done else ATTEMPTS[status] % {"kind": _kind(row)}
    yield Event(
        at=row.created_at,
        title=str(title),
        tone=_tone_of(row.kind, status),
        amount=row.price,
        currency=row.currency,
        made_by=made_by(operation, row),
        answer=_answer(row, done=done),
        note=row.description if row.parent_id is not None else "",
        row=row,
        operation=operation,
    )
    if status in UNDECIDED and row.status not in (*UNDECIDED, Status.EXPIRED):
        decided_here = any(_is_decision(each, row) for each in by_key.values())
        if not decided_here:
            yield _decided_there(row, status)
    yield from _what_came_later(row, rows)


def _done_title(row: Transaction, rows: Collection[Transaction]) -> Any:
    """Return what a movement is called; the void of a refund gives nobody his money back."""
    voided = next((each for each in rows if each.pk == row.parent_id), None)
    if row.kind == Kind.VOID and voided is not None and voided.kind == Kind.REFUND:
        return REFUND_CANCELLED
    return DONE[row.kind]


def _first_status(row: Transaction) -> str:
    """Return the status that a row began with; what it has now may have come later."""
    if row.reason in BEGAN:
        return BEGAN[row.reason]
    return row.status if row.status in ATTEMPTS else Status.APPROVED


def _is_decision(operation: Operation, row: Transaction) -> bool:
    done = operation.kind in DECISIONS and operation.state == State.SUCCEEDED
    return done and operation.lock_name == row.lock_name


def _decided_there(row: Transaction, began: str) -> Event:
    """Return the event by which an undecided payment was decided without an operation of ours.

    Nobody here knows when that was: at the latest when the row was updated or settled.
    """
    refused = row.status in (Status.DECLINED, Status.FAILED)
    approved_title, refused_title = DECIDED_THERE[began]
    return Event(
        at=min(row.updated_at, row.settled_at or row.updated_at),
        title=str(refused_title if refused else approved_title),
        tone=Tone.BAD if refused else Tone.GOOD,
        amount=row.price,
        currency=row.currency,
        row=row,
    )


def _kind(row: Transaction) -> str:
    return capfirst(str(row.get_kind_display()))


def _tone_of(kind: str, status: str) -> Tone:
    if status in (Status.DECLINED, Status.FAILED):
        return Tone.BAD
    if status in ATTEMPTS:
        return Tone.OPEN
    return Tone.NEUTRAL if kind in (Kind.VOID, Kind.REFUND) else Tone.GOOD


def _answer(row: Transaction, *, done: bool) -> str:
    """Return what the gateway said; of an approval only its authorization code."""
    if done:
        code = row.auth_code
        return _("Authorization code %(code)s") % {"code": code} if code else ""
    text = journal_notes.shown(row.gateway_text)
    if text and row.gateway_code:
        values = {"text": text, "code": row.gateway_code}
        return _("%(text)s (gateway code %(code)s)") % values
    return text or row.reason


def _what_came_later(row: Transaction, rows: Collection[Transaction]) -> Iterator[Event]:
    """Yield what the gateway has told of a row since."""
    captured = row.kind == Kind.AUTHORIZATION and any(each.kind == Kind.CAPTURE for each in rows)
    # Of a captured authorization, only the capture settles.
    if not captured and (row.settled_at is not None or row.status == Status.SETTLED):
        yield _later(row, Status.SETTLED, row.settled_at or row.updated_at, _batch(row))
    if row.status in LATER and row.status != Status.SETTLED:
        if row.status == Status.VOIDED and _is_voided_here(row, rows):
            return
        yield _later(row, row.status, row.updated_at)


def _is_voided_here(row: Transaction, rows: Collection[Transaction]) -> bool:
    """Say whether there is a void of a row, or of one with the same id at the gateway."""
    voids = [each for each in rows if each.kind == Kind.VOID and each.status in COUNTED]
    voided = {void.parent_id for void in voids}
    ids = {each.transaction_id for each in rows if each.pk in voided}
    return row.pk in voided or (bool(row.transaction_id) and row.transaction_id in ids)


def _later(row: Transaction, status: str, at: datetime, answer: str = "") -> Event:
    title, tone = LATER[status]
    return Event(
        at=at,
        title=str(title),
        tone=tone,
        amount=row.price,
        currency=row.currency,
        answer=answer,
        row=row,
    )


def _batch(row: Transaction) -> str:
    return _("Batch %(id)s") % {"id": row.batch_id} if row.batch_id else ""


def _of_operation(operation: Operation, rows: Collection[Transaction]) -> Event:
    """Return the event of an operation without a row: undecided, without effect, or a decision."""
    row = next((each for each in rows if each.lock_name == operation.lock_name), None)
    amount = operation.amount
    is_decided = operation.kind in DECISIONS and operation.state == State.SUCCEEDED
    title, tone = _title(operation), Tone.NEUTRAL
    if is_decided:
        title = str(DECIDED[operation.kind])
        tone = Tone.GOOD if operation.kind == OperationKind.APPROVE_HELD else Tone.BAD
    elif operation.state in OPEN_STATES:
        tone = Tone.OPEN
    return Event(
        at=operation.created_at,
        title=title,
        tone=tone,
        amount=None if amount is None else normalise(amount, operation.currency),
        currency=operation.currency,
        made_by=made_by(operation, row),
        answer="" if is_decided else _end_of(operation),
        note=Intent.of(operation).description,
        row=row,
        operation=operation,
    )


def _title(operation: Operation) -> str:
    return _("%(kind)s: %(state)s") % {
        "kind": capfirst(str(operation.get_kind_display())),
        "state": operation.get_state_display(),
    }


def _end_of(operation: Operation) -> str:
    outcome = RecordedOutcome.of(operation)
    if outcome.closed_by:
        return _("%(note)s (%(by)s)") % {"note": outcome.note, "by": outcome.closed_by}
    return journal_notes.shown(outcome.gateway_text or outcome.error or outcome.lookup)


def made_by(operation: Operation | None, row: Transaction | None = None) -> str:
    """Return who asked for an operation, and where; empty if nobody said.

    Args:
        operation: the operation; None of what other software has done at the gateway.
        row: a transaction of the same payment, whose owner is named where it was the owner.
    """
    if operation is None:
        return ""
    intent = Intent.of(operation)
    name = intent.made_by
    if intent.made_by_owner:
        owner = row.owner if row is not None else None
        name = owner.get_username() if owner is not None else _("the owner")
    room = operation.scope.partition(":")[0]
    return str(ROOMS[room]) % {"name": name} if name and room in ROOMS else name
