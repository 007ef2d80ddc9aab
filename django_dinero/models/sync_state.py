"""The sync state of a row, and a queryset that keeps it correct without ``save()``."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, router, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy

from django_dinero.db.failures import (
    is_conflict_or_dead_link,
    retry_on_conflict,
    translate_database_failures,
)
from django_dinero.db.on_commit import run_jobs_on_exit
from django_dinero.models.misplaced import hides_card_numbers, refuse_card_numbers

if TYPE_CHECKING:
    from django_dinero.models.synced import SyncedModel

ModelT = TypeVar("ModelT", bound="SyncedModel", covariant=True)


class SyncState(models.TextChoices):
    """Whether the gateway has the row's present values."""

    SYNCED = "synced", gettext_lazy("synced")
    PENDING = "pending", gettext_lazy("waiting to be pushed")
    ERROR = "error", gettext_lazy("push failed")
    MISSING = "missing", gettext_lazy("gone at the gateway")


#: States in which a row is still to be pushed.
WAITING = (SyncState.PENDING, SyncState.ERROR)


#: The ``edits`` of a row of which it is not known what was changed: any field may have been.
ALL_EDITS = 0x7FFF


def waiting_marks(edits: int) -> dict[str, Any]:
    """Return the columns that mark a changed row, so that it is pushed.

    Args:
        edits: the changed fields; see :meth:`SyncedModel.edits_of`.
    """
    return {
        "sync_state": SyncState.PENDING,
        "edits": F("edits").bitor(edits),
        "version": F("version") + 1,
    }


class SyncedQuerySet(models.QuerySet[ModelT]):
    """Marks rows that are changed without ``save()``, so that they are pushed later."""

    def _write_alias(self) -> str:
        # Not ``self.db``: until the write itself that is the alias to read from, perhaps a replica.
        return self._db or router.db_for_write(self.model, **self._hints)  # type: ignore[attr-defined]

    def create(self, **kwargs: Any) -> ModelT:
        """As Django's. Card numbers are hidden first, so that no traceback shows them."""
        return super().create(**kwargs)

    create.alters_data = True  # type: ignore[attr-defined]

    def update(self, **values: Any) -> int:
        """Update rows, and mark them as waiting to be pushed if a pushed field is among the values.

        Django's ``bulk_update()`` calls this method too.
        """
        refuse_card_numbers(self.model, values)
        if not set(values).isdisjoint(self.model.PUSHED_FIELDS):
            values = {**waiting_marks(self.model.edits_of(values)), **values}
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Any]:
        """As Django's. Existing rows that it changes are marked as :meth:`update` does."""
        rows = list(objs)
        self._refuse_card_numbers_of(rows, self.model.PUSHED_FIELDS)
        changes = set(update_fields or ())
        if not changes.isdisjoint(self.model.PUSHED_FIELDS) and "sync_state" not in changes:
            for row in rows:
                # The version of the existing row is unknown. This one is above any that was pushed.
                row.sync_state, row.version = SyncState.PENDING, time.time_ns()
                row.edits = ALL_EDITS
            changes |= {"sync_state", "edits", "version"}
        created = super().bulk_create(
            rows,
            batch_size,
            ignore_conflicts,
            update_conflicts,
            sorted(changes) or None,
            unique_fields,
        )
        if not ignore_conflicts:  # otherwise some of them may not have been written
            for row in rows:
                row.remember_loaded()
        return created

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def update_without_push(self, **values: Any) -> int:
        """Update rows without marking them: what the gateway said, or bookkeeping columns."""
        refuse_card_numbers(self.model, values)
        return super().update(**values)

    update_without_push.alters_data = True  # type: ignore[attr-defined]

    def bulk_update_without_push(self, objs: Iterable[Any], fields: Iterable[str]) -> int:
        """Update rows in bulk without marking them."""
        objs, fields = list(objs), list(fields)
        self._refuse_card_numbers_of(objs, fields)
        plain: models.QuerySet[Any] = models.QuerySet(self.model, self.query.chain(), self.db)
        return plain.bulk_update(objs, fields)

    bulk_update_without_push.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        """As Django's, which calls :meth:`update`: that marks the rows."""
        objs, fields = list(objs), list(fields)
        self._refuse_card_numbers_of(objs, fields)
        return super().bulk_update(objs, fields, batch_size)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def _refuse_card_numbers_of(self, rows: Iterable[Any], names: Collection[str]) -> None:
        pushed = [name for name in self.model.PUSHED_FIELDS if name in names]
        for row in rows:
            refuse_card_numbers(self.model, {name: row.__dict__.get(name) for name in pushed})

    @translate_database_failures()
    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete rows here, and at their gateways after the commit."""
        using, delete_rows = self._write_alias(), super().delete

        def delete() -> tuple[int, dict[str, int]]:
            with transaction.atomic(using=using):
                self.model.lock_for_write(self.using(using), using)
                return delete_rows()

        with run_jobs_on_exit(using):
            return retry_on_conflict(delete, using, is_conflict_or_dead_link)

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    @translate_database_failures()
    def update_or_create(
        self,
        defaults: Mapping[str, Any] | None = None,
        create_defaults: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[ModelT, bool]:
        """As Django's. The push runs after the commit, and an error of it is raised here."""
        using, plainly = self._write_alias(), super().update_or_create

        def write() -> tuple[ModelT, bool]:
            with transaction.atomic(using=using):
                self.model.lock_for_write(self.using(using).filter(**kwargs), using)
                return plainly(defaults, create_defaults, **kwargs)

        with run_jobs_on_exit(using):
            row, created = retry_on_conflict(write, using)
        row.reload_bookkeeping(using)
        return row, created

    update_or_create.alters_data = True  # type: ignore[attr-defined]

    def get_or_create(
        self, defaults: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> tuple[ModelT, bool]:
        """As Django's. The push runs after the commit, and an error of it is raised here."""
        using = self._write_alias()
        with run_jobs_on_exit(using):
            row, created = super().get_or_create(defaults, **kwargs)
        if created:
            row.reload_bookkeeping(using)
        return row, created

    get_or_create.alters_data = True  # type: ignore[attr-defined]


#: Methods that take values of fields as arguments.
WRITES = ("create", "get_or_create", "update_or_create", "update", "update_without_push")


def hide_card_numbers_in_calls(cls: type[Any]) -> None:
    """Let every method of a manager or a query set that takes values of fields hide card numbers.

    Between a manager's method and ours are frames of Django's, and those of the asynchronous
    methods. All of them show their arguments.
    """
    for name in (*WRITES, *(f"a{name}" for name in WRITES)):
        inherited = getattr(cls, name, None)
        if inherited is not None:
            setattr(cls, name, hides_card_numbers(inherited))


hide_card_numbers_in_calls(SyncedQuerySet)


class SyncedManager(models.Manager.from_queryset(SyncedQuerySet)):  # type: ignore[misc]
    """``Customer.objects`` and ``CreditCard.objects``: what they change is marked, too."""


hide_card_numbers_in_calls(SyncedManager)
