"""Which database connection the journal is read and written on, here and now."""

from __future__ import annotations

from django.db import connections, router
from django.db.models import Model
from django.utils.translation import gettext as _

from django_dinero import conf
from django_dinero.db.failures import nothing_sent_if_unwritten
from django_dinero.db.transactions import in_testcase, in_transaction
from django_dinero.exceptions import InsideTransaction
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import Transaction


@nothing_sent_if_unwritten()
def alias_for_money() -> str:
    """Return the alias on which a money operation is committed before it is sent.

    Raises:
        InsideTransaction: the caller's transaction could roll the journal back.
        TransactionManagementError: the caller's transaction is broken; no row could be written.
    """
    connections[router.db_for_write(Transaction)].validate_no_broken_transaction()
    alias = current_alias()
    if in_transaction(alias) and not (in_testcase(alias) and _autonomous()):
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
    alias = current_alias()
    return alias if not in_transaction(alias) else router.db_for_write(Operation)


def current_alias() -> str:
    """Return the alias on which the journal's newest rows are seen and changed.

    Inside the caller's transaction it is the journal's own, where there is one: a row changed on
    the caller's connection would stand locked in the way of what is written on the other.
    """
    alias = router.db_for_write(Operation)
    if not in_transaction(alias) or in_testcase(alias):
        # A TestCase's rows are invisible to a second connection; its own one has to do.
        return alias
    return _autonomous() or alias


def aliases_to_read(model: type[Model]) -> tuple[str, ...]:
    """Return the aliases that together see all rows of a model, the primary first.

    Inside the caller's transaction the primary shows what the caller has written. But the
    transaction may have begun before a rival's commit, which the journal's own connection shows.
    """
    return tuple(dict.fromkeys((router.db_for_write(model), current_alias())))


def outlives_rows() -> bool:
    """Say whether a rollback may take a row whose operation stays."""
    return bool(_autonomous())


def _autonomous() -> str:
    """Return the alias whose commits outlive a rollback of the caller's, or an empty string."""
    alias = conf.journal_alias()
    return alias if alias and connections[alias].vendor != "sqlite" else ""
