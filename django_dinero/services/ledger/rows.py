"""Ledger rows, written from what the journal knows; each once, whoever writes it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.db import Error, IntegrityError, router, transaction
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from django_dinero.db.queries import primary, read_again
from django_dinero.enums import RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import InvalidTransactionError
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.family import Family
from django_dinero.models.mode import Account
from django_dinero.models.operation import Operation
from django_dinero.models.records import Intent, RecordedOutcome
from django_dinero.models.transaction import FOLLOW_UPS, LOCK_PREFIX, Transaction
from django_dinero.models.transaction_status import COUNTED, TransactionStatus
from django_dinero.money import normalise
from django_dinero.services.ledger.statuses import FROM_REMOTE, KINDS, SHARED, STATUSES

#: Kinds that begin a payment: they follow no earlier transaction.
STARTS = (TransactionKind.CHARGE, TransactionKind.AUTHORIZATION)
#: Columns that decide what may follow a transaction, and those that change together with them.
DECIDING = (
    *("public_id", "operation_key", "transaction_id", "parent", "kind", "status"),
    *("price", "currency", "updated_at"),
)
#: Statuses that a void ends.
CANCELLABLE = (*COUNTED, TransactionStatus.REQUIRES_ACTION)


def payment_with_id(account: Account, transaction_id: str) -> Transaction | None:
    """Return the row of a gateway's transaction.

    Where a capture or a void shares the id of its original, it is that of the original. A capture
    may have an id of its own.
    """
    rows = primary(Transaction).filter(**account.columns, transaction_id=transaction_id)
    whole = rows.exclude(kind__in=SHARED).first()
    return whole or rows.filter(kind=TransactionKind.CAPTURE).first()


def charges_with_number_of(card: CreditCard) -> QuerySet[Transaction]:
    """Return what was taken from a card under the number that it has now, the first one first.

    After a new number the networks know nothing of what the old one paid.
    """
    # Both conditions are ranges of one value, because databases plan ``=`` worse. For an equal
    # card, PostgreSQL would walk the primary key, which has the order that is asked for, past the
    # charges of all other cards. For equal digits, SQLite would take the index over the digits.
    rows = primary(Transaction).filter(
        card__id__range=(card.pk, card.pk),
        last_4__range=(card.last_4, card.last_4),
        # The digits may be those of an earlier number as well.
        number_key=card.number_key,
        kind__in=STARTS,
        status__in=COUNTED,
    )
    return rows.order_by("card_pk", "id")


def refresh(row: Transaction) -> None:
    """Bring an instance up to date from the database that is written to.

    Raises:
        InvalidTransactionError: it has no row any more; a rollback has taken it.
    """
    try:
        read_again(row)
    except Transaction.DoesNotExist:
        raise row.without_row_error() from None


def find_original(operation: Operation) -> Transaction | None:
    """Return the transaction that an operation follows; None if a rollback has taken its row.

    It is found by its public id, since a row that was written again has another primary key. A row
    that was read from the gateway again has another public id too: the gateway's id finds it.
    """
    public_id = operation.lock_name.removeprefix(LOCK_PREFIX)
    found = primary(Transaction).filter(public_id=public_id).first()
    if found is not None or operation.parent_key or not operation.transaction_id:
        return found
    same = primary(Transaction).filter(
        **Account.of(operation).columns,
        transaction_id=operation.transaction_id,
        operation_key=None,
    )
    return same.exclude(kind__in=(TransactionKind.VOID, TransactionKind.REFUND)).first()


class OriginalGone(InvalidTransactionError):
    """What an operation follows has no row here."""

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """Return the error about what an operation follows."""
        text = _("What operation %(key)s follows has no row any more; retrieve %(id)s first.")
        return cls(
            text % {"key": operation.key, "id": operation.transaction_id or _("it")},
            operation=operation,
            gateway_name=operation.gateway_name,
        )


def family_of(row: Transaction, *, again: bool = False) -> Family:
    """Read a transaction and all that follows it; the instance is up to date then.

    It is one query, and one more for what follows the captures of an authorization, which is part
    of it, as for :meth:`Family.of`.

    Args:
        again: whether it was read a moment ago. Then only columns that may have changed are read.

    Raises:
        InvalidTransactionError: it has no row any more; a rollback has taken it.
    """
    rows = primary(Transaction).order_by()
    if again:
        rows = rows.only(*DECIDING)
    found = list(rows.filter(Q(pk=row.pk) | Q(parent=row)))
    # By the public id too: after a rollback another transaction may have got its primary key.
    same = (row.pk, row.public_id)
    now = next((each for each in found if (each.pk, each.public_id) == same), None)
    if now is None:
        raise row.without_row_error()
    for field in Transaction._meta.concrete_fields:
        if field.attname in now.__dict__:
            setattr(row, field.attname, now.__dict__[field.attname])
    row._state.db = now._state.db  # it may have come from a replica, and gets children here
    children = [each for each in found if each.pk != row.pk]
    captures = [each for each in children if each.kind == TransactionKind.CAPTURE]
    # Not by a third OR, which reaches over a join: a database would read the whole table for it.
    further = rows.filter(parent__in=captures) if captures else ()
    # As in Family.of: what follows the row itself, then what follows its captures, each by age.
    children = sorted(children, key=_age) + sorted(further, key=_age)
    return Family(row, tuple(children))


def _age(row: Transaction) -> int:
    return row.pk


def insert_row(
    operation: Operation, parent: Transaction | None = None
) -> tuple[Transaction, bool] | None:
    """Write the row of an ended operation without looking first, in a transaction of the caller.

    Args:
        parent: what the operation follows, where it is at hand.

    Returns:
        As :func:`write_row`; None if somebody has left the operation to a person meanwhile.

    Raises:
        IntegrityError: there is such a row, or one that it points at has gone.
    """
    if not operation.has_result:
        return None
    intent, outcome = Intent.of(operation), RecordedOutcome.of(operation)
    links = _links(operation, intent, parent)
    return _create(operation, _values(operation, intent, outcome), links), True


def write_row(operation: Operation, parent: Transaction | None = None) -> tuple[Transaction, bool]:
    """Return the row of an ended operation, and whether it was written just now.

    Everything comes from the operation's intent and outcome, so that a row lost in a rollback is
    written again as it was.
    """
    intent, outcome = Intent.of(operation), RecordedOutcome.of(operation)
    values = _values(operation, intent, outcome)
    found = _recorded(operation, values)
    if found is not None:
        return found
    links = _existing(_links(operation, intent, parent))
    try:
        return _write(operation, values, links), True
    except IntegrityError:
        pass
    # Somebody else has written the row meanwhile, or a row that it points at has gone, which
    # MariaDB sees at once. If the caller's transaction began before the other's commit, only the
    # journal's connection shows the other's row.
    again = _recorded(operation, values) or _recorded(operation, values, operation.written_on)
    return again or (_write(operation, values, _existing(links)), True)


def _recorded(
    operation: Operation, values: Mapping[str, Any], using: str | None = None
) -> tuple[Transaction, bool] | None:
    """Return the row of an operation, or of another one that did the very same at the gateway.

    An authorization and its capture are one transaction there: voiding both is one void, and the
    second caller is told that it was done before.

    Args:
        using: the connection on which it is looked for; that of the rows by default.
    """
    home = router.db_for_write(Transaction)
    rows = Transaction.objects.using(using or home)
    own = rows.filter(operation_key=operation.key).first()
    if own is not None:
        own._state.db = home
        return own, False
    if values["transaction_id"] is None:
        return None
    names = ("gateway_name", "live", "kind", "transaction_id")
    same = rows.filter(**{name: values[name] for name in names}).first()
    if same is None:
        return None
    if same.operation_key is None:
        return same, _claimed(same, operation, values)
    return (same, False) if same.kind in SHARED else None


def _claimed(row: Transaction, operation: Operation, values: Mapping[str, Any]) -> bool:
    """Take over a row that was read from the gateway before its operation had an answer."""
    newer = ("status", "settled_at", "batch_id", "transaction_id", "public_id")
    ours = {name: value for name, value in values.items() if name not in newer}
    found = primary(Transaction).filter(pk=row.pk, operation_key=None)
    links = _existing(_links(operation, Intent.of(operation), None))
    won = bool(found.update(operation_key=operation.key, **ours, **links))
    refresh(row)
    row.is_claimed = won
    return won


def belongs_to_other_operation(operation: Operation, transaction_id: str) -> bool:
    """Say whether the gateway's id belongs to a row that another operation has made."""
    kind = KINDS[operation.kind]
    if kind in SHARED or not transaction_id:
        return False
    same = primary(Transaction).filter(
        **Account.of(operation).columns, kind=kind, transaction_id=transaction_id
    )
    try:
        return same.exclude(operation_key=None).exclude(operation_key=operation.key).exists()
    except Error:
        return False  # whoever writes the answer meets the same error, and reports it


def _write(
    operation: Operation, values: Mapping[str, Any], links: Mapping[str, Any]
) -> Transaction:
    with transaction.atomic(using=router.db_for_write(Transaction)):
        return _create(operation, values, links)


def _create(
    operation: Operation, values: Mapping[str, Any], links: Mapping[str, Any]
) -> Transaction:
    row = primary(Transaction).create(operation_key=operation.key, **values, **links)
    if row.kind == TransactionKind.VOID and row.status == TransactionStatus.APPROVED:
        _mark_voided(row)
    return row


def _mark_voided(void: Transaction) -> None:
    """Mark the original as voided, and every row with the same id at the gateway."""
    same = primary(Transaction).filter(**Account.of(void).columns, status__in=CANCELLABLE)
    parent = void.parent
    original = Q(pk=void.parent_id)
    if parent and parent.transaction_id and parent.kind != TransactionKind.REFUND:
        # An authorization and its capture are one transaction at gateways that keep one id.
        original |= Q(
            transaction_id=parent.transaction_id,
            kind__in=(TransactionKind.AUTHORIZATION, TransactionKind.CAPTURE),
        )
    now = datetime.now(UTC)
    same.filter(original).update(status=TransactionStatus.VOIDED, updated_at=now)
    if parent and parent.status in CANCELLABLE:
        parent.status, parent.updated_at = TransactionStatus.VOIDED.value, now


def _values(operation: Operation, intent: Intent, outcome: RecordedOutcome) -> dict[str, Any]:
    kind = KINDS[operation.kind]
    # A refused capture or void may come with the id of its original: it moved nothing of its own.
    nothing = kind in SHARED and outcome.result in (ResultStatus.DECLINED, ResultStatus.FAILED)
    # Without an id of its own it has that of its original, by which it can be refunded.
    told = outcome.transaction_id or (operation.transaction_id if kind in SHARED else "")
    return {
        "gateway_name": operation.gateway_name,
        "live": operation.live,
        "transaction_id": None if nothing else told or None,
        "kind": kind.value,
        "status": _status(kind, outcome).value,
        "price": normalise(operation.asked_amount, operation.currency),
        "currency": operation.currency,
        "customer_id": operation.customer_id,
        "card_id": operation.card_id,
        # Ours may be those of an earlier number, and refunds go by the card that was charged.
        "last_4": outcome.last_4 or intent.last_4,
        "brand": outcome.brand or intent.brand,
        "number_key": intent.number_key,
        "auth_code": outcome.auth_code,
        "avs": outcome.avs,
        "cvv": outcome.cvv,
        "network_transaction_id": outcome.network_transaction_id,
        "order_reference": intent.order_reference,
        "description": intent.description,
        "customer_ip": intent.customer_ip or None,
        "initiator": intent.initiator,
        "settled_at": datetime.fromisoformat(outcome.settled_at) if outcome.settled_at else None,
        "batch_id": outcome.batch_id,
        "reason": outcome.reason,
        "gateway_code": outcome.gateway_code,
        "gateway_text": outcome.gateway_text,
        **({"public_id": uuid.UUID(intent.public_id)} if intent.public_id else {}),
    }


def _status(kind: TransactionKind, outcome: RecordedOutcome) -> TransactionStatus:
    """Return a row's status. What a look-up has found may have gone further than the answer."""
    if outcome.remote_status and kind != TransactionKind.VOID:
        return FROM_REMOTE[RemoteStatus(outcome.remote_status)]
    return STATUSES[outcome.result]


def _links(operation: Operation, intent: Intent, parent: Transaction | None) -> dict[str, Any]:
    if parent is None and operation.lock_name.startswith(LOCK_PREFIX):
        parent = find_original(operation)
        if parent is None and KINDS[operation.kind] in FOLLOW_UPS:
            raise OriginalGone.of(operation)
    return {
        "customer_pk": intent.customer_pk,
        "card_pk": intent.card_pk,
        "owner_id": intent.owner_pk,
        "parent": parent,
    }


def columns_from_caller(operation: Operation) -> dict[str, Any]:
    """Return what the caller has said of a charge, as columns of a row: no gateway keeps it."""
    intent = Intent.of(operation)
    links = {"customer_pk": intent.customer_pk, "card_pk": intent.card_pk}
    return {
        **_existing({**links, "owner_id": intent.owner_pk}),
        "order_reference": intent.order_reference,
        "description": intent.description,
        "customer_ip": intent.customer_ip or None,
        "initiator": intent.initiator,
    }


def _existing(links: Mapping[str, Any]) -> dict[str, Any]:
    """Return the links without those whose row has been deleted.

    They are checked before the row is written: SQLite and PostgreSQL check a foreign key at the
    commit, and a dead one would then roll back the end of the operation too.
    """
    tables: dict[str, type[Model]] = {
        "customer_pk": Customer,
        "card_pk": CreditCard,
        "owner_id": get_user_model(),
    }
    return {
        name: value if name not in tables or _exists(tables[name], value) else None
        for name, value in links.items()
    }


def _exists(model: type[Model], pk: Any) -> bool:
    return (
        pk is not None
        and model._base_manager.using(router.db_for_write(model)).filter(pk=pk).exists()
    )
