"""On which connection operations are written now, and where their newest rows are read."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models, router
from django.utils.translation import gettext as _

from django_dinero import conf
from django_dinero.db.failures import nothing_sent_if_unwritten
from django_dinero.db.transactions import in_testcase, in_transaction
from django_dinero.exceptions import InsideTransaction

RowT = TypeVar("RowT", bound=models.Model)


class OperationManager(models.Manager[RowT]):
    """The journal. What decides about money is read by :meth:`newest`, never from a replica."""

    def newest(self) -> models.QuerySet[RowT]:
        """Return the operations on the connection that sees and changes the newest ones."""
        return self.using(self.newest_alias())

    def newest_alias(self) -> str:
        """Return the alias on which the newest rows are seen and changed.

        Inside the caller's transaction it is the journal's own, where there is one: a row changed
        on the caller's connection would stand locked in the way of what is written on the other.
        """
        alias = router.db_for_write(self.model)
        if not in_transaction(alias) or in_testcase(alias):
            # A TestCase's rows are invisible to a second connection; its own one has to do.
            return alias
        return autonomous_alias() or alias

    @nothing_sent_if_unwritten()
    def alias_for_money(self) -> str:
        """Return the alias on which a money operation is committed before it is sent.

        Raises:
            InsideTransaction: the caller's transaction could roll the journal back.
            TransactionManagementError: the caller's transaction is broken; no row could be written.
        """
        connections[router.db_for_write(self.model)].validate_no_broken_transaction()
        alias = self.newest_alias()
        if in_transaction(alias) and not (in_testcase(alias) and autonomous_alias()):
            raise InsideTransaction(
                _(
                    "Money must not move inside a database transaction: a rollback would lose the "
                    "record of it. Either call it outside (a view can be non_atomic_requests), or "
                    "after the commit (charge_on_commit(), transaction.on_commit()), or on "
                    'PostgreSQL or MariaDB set DINERO["JOURNAL_ALIAS"] to a second connection '
                    "(django_dinero.db.journal_alias)."
                )
            )
        return alias

    def alias_for_vault(self) -> str:
        """Return the alias for an operation that moves no money.

        Without a journal alias it shares the caller's transaction: what a rollback leaves at the
        gateway is found there by our customer key.
        """
        alias = self.newest_alias()
        return alias if not in_transaction(alias) else router.db_for_write(self.model)

    def aliases_to_read(self, model: type[models.Model]) -> tuple[str, ...]:
        """Return the aliases that together see all rows of a model, the primary first.

        Inside the caller's transaction the primary shows what the caller has written. But the
        transaction may have begun before a rival's commit, which the journal's own connection
        shows. That one shows rows, too, which the caller has deleted: see :meth:`uncommitted`.
        """
        return tuple(dict.fromkeys((router.db_for_write(model), self.newest_alias())))

    def uncommitted(self, *conditions: models.Q, **columns: object) -> list[RowT]:
        """Return the operations that only the caller's open transaction has, on its connection.

        Those are tombstones, which are written with the delete of their row. There are none where
        the journal is written on the caller's own connection, since :meth:`newest` shows them.
        """
        own = router.db_for_write(self.model)
        if self.newest_alias() == own:
            return []
        found = {row.pk: row for row in self.using(own).filter(*conditions, **columns)}
        committed = self.newest().filter(pk__in=found).values_list("pk", flat=True) if found else ()
        return [found[pk] for pk in found.keys() - set(committed)]


def autonomous_alias() -> str:
    """Return the alias whose commits outlive a rollback of the caller's, or an empty string."""
    alias = conf.journal_alias()
    return alias if alias and connections[alias].vendor != "sqlite" else ""
