"""The base class of customers and cards: rows whose changes are pushed to a gateway."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error, models, router, transaction
from django.db.models import F, QuerySet

from django_dinero.db.failures import (
    is_conflict_or_dead_link,
    restorer_of,
    retry_on_conflict,
    translate_database_failures,
)
from django_dinero.db.on_commit import run_jobs_on_exit
from django_dinero.models.checked import CheckedModel
from django_dinero.models.sync_state import waiting_marks

#: A field, its model or None, and its value, as Django passes them to an UPDATE.
ColumnValue = tuple[Any, type[models.Model] | None, Any]


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """The gateway's answer for a row that has not been written yet.

    Attributes:
        accepted: whether the gateway now has the values of this instance.
        end_operation: called in the transaction that writes the row. If a worker could die between
            the two, a card could stay at the gateway and nobody would search for it.
        with_customer: whether the row and its customer are written in one transaction.
    """

    accepted: bool = True
    end_operation: Callable[[], object] | None = None
    with_customer: bool = False


@dataclass(slots=True)
class Writing:
    """What a save writes.

    Attributes:
        forced: names of the fields that are written even if they are unchanged.
        columns: what the UPDATE has written, by column; None as long as there was none.
    """

    forced: frozenset[str]
    columns: dict[str, Any] | None = None


class SyncedModel(CheckedModel):
    """A row that is written with what was changed on it, and pushed after the commit."""

    #: The gateway's answer, while :meth:`save_with_answer` runs.
    answer: GatewayAnswer | None = None
    #: What :meth:`save` is writing, while it runs.
    _writing: Writing | None = None
    #: Whether the instance has what its push left in the row.
    _is_current = False

    class Meta:
        abstract = True

    @property
    def was_accepted(self) -> bool:
        """Whether the gateway has accepted the values that are being written."""
        return self.answer is not None and self.answer.accepted

    def save_with_answer(self, answer: GatewayAnswer, *args: Any, **kwargs: Any) -> None:
        """Save a row for which the gateway has already answered. Nothing is pushed.

        Args:
            answer: the gateway's answer.
            *args, **kwargs: as for :meth:`save`.
        """
        if answer.accepted:
            self.mark_synced()
            self.synced_version = self.version
        self.answer = answer
        try:
            self._save_and_push(args, kwargs)
        finally:
            self.answer = None

    @translate_database_failures()
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save what was changed on this instance, and push it right after the commit.

        Columns that were not changed since the row was read are not written, so that a save does
        not undo what others have saved meanwhile. ``update_fields`` are written in any case.

        Raises:
            InvalidInput: something cannot be stored or sent; nothing was written.
            DineroError: the gateway refused (outside a transaction only). The row keeps its new
                values and is marked.
        """
        self._save_and_push(args, kwargs)

    def _save_and_push(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = frozenset(kwargs["update_fields"])
        self.check_values(kwargs.get("update_fields"))
        written = False
        # Nobody can have written a row that is inserted with the gateway's answer in it.
        self._is_current = self._state.adding and self.was_accepted
        try:
            with run_jobs_on_exit(using):
                retry_on_conflict(partial(self._write_or_restore, using, args, kwargs), using)
                written = True
        finally:
            if written:
                self.reload_bookkeeping(using)

    def _write_or_restore(self, using: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Write the row in one transaction. If it fails, the instance is as it was before."""
        restore, is_written = restorer_of(self), False
        try:
            with transaction.atomic(using=using):
                if self.answer is not None and self.answer.end_operation is not None:
                    self.answer.end_operation()
                self._write(using, args, kwargs)
                is_written = True
        except Exception as error:
            # A project's hook that fails right after the commit takes nothing back.
            if not is_written or isinstance(error, Error):
                restore()
            raise

    def _write(self, using: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Write the row, and remember what was written."""
        narrowed = self._save_arguments(kwargs, using)
        self.before_write(using, narrowed.get("update_fields"))
        outer = self._writing
        self._writing = Writing(forced=self._forced_columns(kwargs.get("update_fields")))
        try:
            super().save(*args, **narrowed)
            written = self._writing.columns
        finally:
            self._writing = outer
        if written is None:  # no UPDATE: it was inserted, or update_fields is empty
            written = self._columns() if narrowed.get("update_fields") is None else {}
        self.remember_written(written, using)

    def _columns(self) -> dict[str, Any]:
        columns = [field.attname for field in self._meta.concrete_fields]
        return {name: self.__dict__[name] for name in columns if name in self.__dict__}

    def _do_update(  # type: ignore[override]
        self, base_qs: QuerySet[Any], using: str, pk_val: Any, values: Any, *args: Any
    ) -> Any:
        """Narrow the columns of an UPDATE to what was changed, and mark the row in it.

        This is a private method of Django, but the only place after the receivers of ``pre_save``,
        which may change values. A test fails if a Django release changes it. Fixtures, which are
        written without ``save()``, are written whole.
        """
        if self._writing is not None and base_qs.model is self._meta.get_field("version").model:
            values = self._narrow(values)
            own = self.__dict__.get(self.OWN_COLUMN)
            base_qs = base_qs if own is None else base_qs.filter(**{self.OWN_COLUMN: own})
        return super()._do_update(base_qs, using, pk_val, values, *args)

    def _narrow(self, values: Iterable[ColumnValue]) -> list[ColumnValue]:
        assert self._writing is not None  # noqa: S101
        changed = [
            (field, model, value)
            for field, model, value in values
            if field.name in self._writing.forced or self.is_unsaved(field.attname)
        ]
        self._writing.columns = {field.attname: value for field, _model, value in changed}
        marks = self._marks({field.name for field, _model, _value in changed})
        return [
            *(each for each in changed if each[0].name not in marks),
            *((self._meta.get_field(name), None, value) for name, value in marks.items()),
        ]

    def _marks(self, written: Collection[str]) -> dict[str, Any]:
        """Return the bookkeeping for an UPDATE of these columns: the row waits to be pushed,
        unless the gateway has accepted the values already.
        """
        if self.was_accepted:
            return self._marks_after_answer()
        edits = self.edits_of(written)
        return waiting_marks(edits) if edits else {}

    @translate_database_failures()
    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete the row here, and at the gateway after the commit."""
        using = using or router.db_for_write(type(self), instance=self)
        if self._was_taken_back(using):
            return 0, {}
        delete = partial(super().delete, using=using, keep_parents=keep_parents)
        with run_jobs_on_exit(using):
            return retry_on_conflict(delete, using, is_conflict_or_dead_link)

    def _was_taken_back(self, using: str) -> bool:
        """Whether a rollback took the row, whose primary key another one may have by now."""
        if self.has_key_of_another(using):
            return True
        return bool(self._uncommitted) and not self.stored_row(using).exists()

    def before_write(self, using: str, names: Collection[str] | None) -> None:
        """Hook for subclasses, run inside the transaction of :meth:`save`.

        Args:
            names: the columns to be written; None for all.
        """

    @classmethod
    def lock_for_write(cls, rows: QuerySet[Any], using: str) -> None:
        """Hook for subclasses: take the locks that every write of these rows takes first."""

    def _save_arguments(self, kwargs: dict[str, Any], using: str) -> dict[str, Any]:
        """Return the arguments of save() with the columns that it may write."""
        if self._state.adding or kwargs.get("force_insert") or self._was_rolled_back(kwargs, using):
            return kwargs
        names = self._columns_to_write(kwargs.get("update_fields"))
        return {**kwargs, "update_fields": frozenset(names)}

    def _was_rolled_back(self, kwargs: dict[str, Any], using: str) -> bool:
        """Whether the row is gone because its transaction was rolled back. Django inserts it again.

        A row that the gateway knows is not inserted again: it was deleted there too.
        """
        if getattr(self, "customer_id", None) or kwargs.get("update_fields") is not None:
            return False
        if self.stored_row(using).exists():
            return False
        # Another row may have got its primary key meanwhile: SQLite gives them out again.
        self.pk, self._state.adding = None, True
        return True

    @property
    def is_being_saved(self) -> bool:
        """Whether :meth:`save` is writing this instance, and marks its row by itself."""
        return self._writing is not None

    def _forced_columns(self, update_fields: Collection[str] | None) -> frozenset[str]:
        """Return the columns that are written even if this instance did not change them."""
        if self.was_accepted:
            # Facts of the gateway: the row may have lost the reply to an earlier number.
            return frozenset((*self.synced_bookkeeping(), *self.GATEWAY_ONLY))
        return frozenset(update_fields or ())

    def _marks_after_answer(self) -> dict[str, Any]:
        """Return the bookkeeping of a row for which the gateway has answered before this write."""
        # The order matters: in MariaDB an assignment sees the result of the one before it.
        return {"synced_version": F("version") + 1, "version": F("version") + 1}

    def _columns_to_write(self, update_fields: Iterable[str] | None) -> set[str]:
        not_ours = {*self.BOOKKEEPING, *self._columns_written_elsewhere()}
        loaded = {
            field.name
            for field in self._meta.concrete_fields
            if not field.primary_key and field.attname in self.__dict__
        }
        if self.was_accepted:
            # Everything that was sent to the gateway, even if the caller asked to save less.
            return (loaded - not_ours) | self.synced_bookkeeping().keys()
        # A push may have written an id or the last digits since this instance was read.
        names = loaded if update_fields is None else set(update_fields)
        return names - not_ours - set(self.GATEWAY_ONLY)

    def reload_bookkeeping(self, using: str) -> None:
        """Read again what others write, unless the push has just brought it along."""
        is_current, self._is_current = self._is_current, False
        if is_current:
            return
        # Another process may have deleted the row while it was pushed. And whether the row was
        # written and pushed has been told already: a database that fails now is no answer to that.
        with suppress(ObjectDoesNotExist, Error):
            self.refresh_from_db(using=using, fields=self._columns_to_reload())

    def _columns_to_reload(self) -> list[str]:
        others = (*self.PUSHED_FIELDS, *self.GATEWAY_ONLY)
        unchanged = [name for name in others if not self.is_unsaved(name)]
        return [*self.BOOKKEEPING, *self._columns_written_elsewhere(), *unchanged]

    def take_pushed(self, row: SyncedModel) -> None:
        """Take over the row as a push has left it. A save need not read it again then."""
        self.take_over(row, always=(*self.BOOKKEEPING, *self._columns_written_elsewhere()))
        self._is_current = True

    def _columns_written_elsewhere(self) -> tuple[str, ...]:
        """Return the columns that others write: a save leaves them out and reads them again."""
        return ()
