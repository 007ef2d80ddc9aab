"""Where the journal's newest rows are: here and now, on this thread."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models, router

from django_dinero import conf
from django_dinero.db.transactions import in_testcase, in_transaction

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


def autonomous_alias() -> str:
    """Return the alias whose commits outlive a rollback of the caller's, or an empty string."""
    alias = conf.journal_alias()
    return alias if alias and connections[alias].vendor != "sqlite" else ""
