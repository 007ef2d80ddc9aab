"""On which connection an operation is written, and what is read there beside the caller's."""

from __future__ import annotations

from django.db import connections, router
from django.db.models import Model
from django.utils.translation import gettext as _

from django_dinero.db.failures import nothing_sent_if_unwritten
from django_dinero.db.transactions import in_testcase, in_transaction
from django_dinero.exceptions import InsideTransaction
from django_dinero.models.operation import Operation
from django_dinero.models.operation_queries import autonomous_alias
from django_dinero.models.transaction import Transaction


@nothing_sent_if_unwritten()
def alias_for_money() -> str:
    """Return the alias on which a money operation is committed before it is sent.

    Raises:
        InsideTransaction: the caller's transaction could roll the journal back.
        TransactionManagementError: the caller's transaction is broken; no row could be written.
    """
    connections[router.db_for_write(Transaction)].validate_no_broken_transaction()
    alias = Operation.objects.newest_alias()
    if in_transaction(alias) and not (in_testcase(alias) and autonomous_alias()):
        raise InsideTransaction(
            _(
                "Money must not move inside a database transaction: a rollback would lose the "
                "record of it. Either call it outside (a view can be non_atomic_requests), or "
                "after the commit (charge_on_commit(), transaction.on_commit()), or on PostgreSQL "
                "or MariaDB set "
                'DINERO["JOURNAL_ALIAS"] to a second connection (django_dinero.db.journal_alias).'
            )
        )
    return alias


def alias_for_vault() -> str:
    """Return the alias for an operation that moves no money.

    Without a journal alias it shares the caller's transaction: what a rollback leaves at the
    gateway is found there by our customer key.
    """
    alias = Operation.objects.newest_alias()
    return alias if not in_transaction(alias) else router.db_for_write(Operation)


def aliases_to_read(model: type[Model]) -> tuple[str, ...]:
    """Return the aliases that together see all rows of a model, the primary first.

    Inside the caller's transaction the primary shows what the caller has written. But the
    transaction may have begun before a rival's commit, which the journal's own connection shows.
    """
    return tuple(dict.fromkeys((router.db_for_write(model), Operation.objects.newest_alias())))
