"""Compare the customers and cards that were touched lately with the gateway's.

The gateway's list of customers has no paging and no times, so the journal and the rows tell whom to
visit. The whole account is compared by ``manage.py dinero_sync --diff``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from django.db.models import Q, QuerySet

from django_dinero.db.pages import paged, pages
from django_dinero.db.queries import primary
from django_dinero.db.seen import Seen
from django_dinero.exceptions import CustomerNotFoundError, DineroError
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.logs import get_logger
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.difference import Difference, DifferenceKind
from django_dinero.models.mode import Account
from django_dinero.models.operation import Operation, OperationKind
from django_dinero.models.sync_state import SyncState
from django_dinero.services import pull
from django_dinero.services.modes import account_of
from django_dinero.services.reconcile import ended, rollbacks
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.findings import Findings
from django_dinero.services.reconcile.patience import Patience
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.sync.comparing import compare

logger = get_logger("django_dinero.reconcile")

NAME = "vault"
#: How far before the last run that visited any began customers are visited again: a lease, a
#: quarantine, and what clocks differ by.
OVERLAP = timedelta(hours=1)
#: Further back than by itself, a run looks only where somebody has asked for it.
BY_HAND = timedelta(days=3)
#: Customers that are asked for by their ids at a time. SQLite may bind only 999 values.
SLICE = 500
VAULT_KINDS = (
    OperationKind.CREATE_CUSTOMER,
    OperationKind.UPDATE_CUSTOMER,
    OperationKind.ADD_CARD,
    OperationKind.UPDATE_CARD,
    OperationKind.DELETE_CARD,
    OperationKind.DELETE_CUSTOMER,
)


@dataclass(slots=True)
class _State:
    """What the phase keeps in mind.

    Attributes:
        findings: what differs.
        visited: the customers that were compared.
        unsettled: the gateway's ids of customers whose rows somebody may still be writing.
        patience: with those that cannot be read. A connection may be refused once, too.
    """

    run: Run
    findings: Findings
    patience: Patience
    visited: Seen = field(default_factory=Seen)
    unsettled: set[str] = field(default_factory=set)
    done: int = 0

    def count(self, name: str) -> None:
        """Count one more."""
        self.run.counts[f"vault_{name}"] += 1


def compare_touched(run: Run) -> None:
    """Compare what was touched since the watermark, and settle what the journal can explain.

    * A customer or card that was stored in a transaction of the caller's that was rolled back: the
      gateway has it, and no row does. It is deleted there again, or gets its row back if something
      was paid with it. Nothing of it happens before lease and quarantine of its operation are over.
    * Rows that differ take the gateway's values, as ``retrieve()`` does. Edits that wait stay.
    * A row whose customer or card is gone at the gateway is marked as missing, and is a difference
      until it is there again or the row was deleted.
    * What the last run could not read is read again, even if nothing has touched it since.
    * A customer at the gateway with a key of ours, which no row and no delete that waits explains,
      is a difference.

    One customer that cannot be read is counted, and does not stop the others.

    Raises:
        NotSent, GatewayError: the gateway could not be asked several times in a row.
    """
    again = run.unread | set(ended.last_unread(run.gateway))
    run.unread.clear()
    state = _State(run, Findings(run), Patience(run, "vault_unreadable", DineroError))
    stored = _operations(run, run.since)
    for operation in rollbacks.without_row(run.gateway, stored, dry_run=run.dry_run):
        _settle(state, operation)
    for row in chain(_rows_again(state, again), _touched(state)):
        if row.pk not in state.visited and row.customer_id not in state.unsettled:
            state.visited.add(row.pk)
            _compare(state, row.customer_id or "")
    _end_differences(state)


# -- Whom to visit -------------------------------------------------------------------------------


def _operations(run: Run, moment: datetime) -> QuerySet[Operation]:
    """Return the operations on the vault since then, by primary key."""
    rows = Operation.objects.newest()
    since = rows.filter(created_at__gte=moment)
    first = since.order_by("created_at").values_list("pk", flat=True).first() or 0
    # By primary key from there on: the two orders differ by what was written at the same time.
    return since.filter(
        pk__gte=first - 1000,
        **account_of(run.gateway).columns,
        kind__in=VAULT_KINDS,
    ).order_by("pk")


def _visit_from(run: Run) -> datetime:
    """Return from when on customers are visited, of whom each costs a call.

    The last run that has done this phase has visited what was touched before it. Transactions are
    read from much further back, because gateways list them late; a customer is asked for by itself.
    """
    last = ended.last_begin(run.gateway, NAME)
    if last is None or run.since < last - BY_HAND:
        return run.since
    return max(run.since, last - OVERLAP)


def _touched(state: _State) -> Iterator[Customer]:
    """Go through the customers with changed rows, cards or operations; some come twice."""
    since = _visit_from(state.run)
    rows = _customers(state)
    yield from paged(rows.filter(updated_at__gte=since))
    cards = CreditCard.objects.using(rows.db).filter(
        **account_of(state.run.gateway).columns, updated_at__gte=since
    )
    for page in pages(cards):
        yield from rows.filter(pk__in={card.customer_pk for card in page}).order_by("pk")
    for operations in pages(_operations(state.run, since)):
        ids = {each.customer_id for each in operations if each.customer_id}
        yield from rows.filter(customer_id__in=ids).order_by("pk")


def _rows_again(state: _State, customer_ids: set[str]) -> Iterator[Customer]:
    ids = sorted(customer_ids)
    for start in range(0, len(ids), SLICE):
        rows = _customers(state).filter(customer_id__in=ids[start : start + SLICE])
        yield from rows.order_by("pk")


def _customers(state: _State) -> QuerySet[Customer]:
    gateway = state.run.gateway
    rows = primary(Customer)
    return rows.filter(**account_of(gateway).columns, customer_id__isnull=False)


def _fetch(state: _State, customer_id: str) -> pull.Fetched | None:
    """Return the customer of both sides; None if the gateway did not answer."""
    state.done += 1
    state.run.progress("vault", state.done, None)
    fetched: pull.Fetched | None = None
    with state.patience.about_one():
        fetched = pull.fetch_customer(state.run.gateway, customer_id)
    return fetched


# -- Stored, and no row --------------------------------------------------------------------------


def _settle(state: _State, operation: Operation) -> None:
    """Deal with what an operation stored at the gateway, and what has no row here."""
    if not rollbacks.is_over(operation):
        state.unsettled.add(operation.customer_id)
        state.count("unsettled")
        return
    fetched = _fetch(state, operation.customer_id)
    remote = None if fetched is None else fetched.remote
    if remote is None or not _has(remote, operation.card_id):
        return
    if rollbacks.is_wanted(operation):
        _restore(state, operation, remote)
    elif rollbacks.was_in_transaction(operation):
        _take_back(state, operation)
    elif not operation.card_id:
        _tell_only_there(state, operation, remote)


def _restore(state: _State, operation: Operation, remote: RemoteCustomer) -> None:
    """Write the row of a customer; that of a card comes with the others of its customer's."""
    if operation.card_id:
        return
    state.count("restored")
    if not state.run.dry_run:
        pull.write_found(operation, remote)


def _has(remote: RemoteCustomer, card_id: str) -> bool:
    return not card_id or any(card.card_id == card_id for card in remote.cards)


def _take_back(state: _State, operation: Operation) -> None:
    if state.run.dry_run:
        state.count("taken_back")
        return
    ended = rollbacks.take_back(operation)
    state.count(ended)
    if ended == rollbacks.UNSETTLED:
        # A transaction that is still open has its rows, and a comparison would wait for it.
        state.unsettled.add(operation.customer_id)


def _tell_only_there(state: _State, operation: Operation, remote: RemoteCustomer) -> None:
    state.count("only_there")
    state.findings.add(
        Found(
            kind=DifferenceKind.VAULT_ONLY_THERE,
            subject=f"customer:{remote.customer_id}",
            reason="customer_only_there",
            operation_key=operation.key,
            customer_id=remote.customer_id,
        )
    )


# -- Both sides ----------------------------------------------------------------------------------


def _compare(state: _State, customer_id: str) -> None:
    fetched = _fetch(state, customer_id)
    if fetched is None:
        state.run.unread.add(customer_id)
        reason = "" if state.patience.error is None else state.patience.error.code
        logger.warning("Customer %s could not be read: %s", customer_id, reason)
        return
    if fetched.row is None:  # deleted here meanwhile
        return
    state.count("compared")
    row, remote = fetched.row, fetched.remote
    if remote is None:
        _mark_gone(state, row, fetched.snapshot.taken)
        return
    cards = list(CreditCard.objects.using(row._state.db).filter(customer=row.pk))
    if any(compare(row, cards, remote)):
        state.count("differing")
    if not state.run.dry_run:
        _write(state, fetched)


def _write(state: _State, fetched: pull.Fetched) -> None:
    try:
        row = fetched.write()
    except CustomerNotFoundError:
        return  # deleted here meanwhile
    missing = CreditCard.objects.using(row._state.db).filter(
        customer=row.pk, sync_state=SyncState.MISSING
    )
    for card in missing:
        subject = f"card:{card.customer_id}:{card.card_id}"
        _tell_only_here(state, card, subject, "card_only_here")


def _mark_gone(state: _State, row: Customer, asked: float) -> None:
    if row.is_new or rollbacks.is_being_stored(row):
        state.count("unsettled")
        return
    state.count("gone")
    dry_run = state.run.dry_run
    marked = row.sync_state == SyncState.SYNCED if dry_run else pull.mark_gone(row, asked)
    if marked or row.sync_state == SyncState.MISSING:
        _tell_only_here(state, row, f"customer:{row.customer_id}", "customer_only_here")


def _tell_only_here(state: _State, row: Customer | CreditCard, subject: str, reason: str) -> None:
    state.findings.add(
        Found(
            kind=DifferenceKind.VAULT_ONLY_HERE,
            subject=subject,
            reason=reason,
            customer_id=row.customer_id or "",
            card_id=row.card_id if isinstance(row, CreditCard) else "",
        )
    )


# -- What has ended ------------------------------------------------------------------------------


def _end_differences(state: _State) -> None:
    kinds = (DifferenceKind.VAULT_ONLY_HERE, DifferenceKind.VAULT_ONLY_THERE)
    rows = state.findings.not_found_again(*kinds)
    with suppress(DineroError):  # of several in a row; all of them stay open
        state.findings.resolve(rows, partial(_has_ended, state))


def _has_ended(state: _State, difference: Difference) -> bool:
    rows = _rows_of(difference)
    if difference.kind == DifferenceKind.VAULT_ONLY_HERE:
        return not rows.filter(sync_state=SyncState.MISSING).exists()
    if rows.exists():
        return True
    state.findings.note_asked(difference)
    return _is_gone(state, difference.customer_id)


def _is_gone(state: _State, customer_id: str) -> bool:
    fetched = _fetch(state, customer_id)
    return fetched is not None and fetched.remote is None


def _rows_of(difference: Difference) -> QuerySet[Customer] | QuerySet[CreditCard]:
    ids = Q(**Account.of(difference).columns, customer_id=difference.customer_id)
    if difference.card_id:
        cards = primary(CreditCard)
        return cards.filter(ids, card_id=difference.card_id)
    return primary(Customer).filter(ids)
