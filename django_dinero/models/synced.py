"""The base class of customers and cards: rows whose changes are pushed to a gateway."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.db import Error, models, router, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.cards import unsendable
from django_dinero.conf import DEFAULT_GATEWAY
from django_dinero.db.failures import as_it_is, is_rivalry, own_errors, repeated
from django_dinero.db.fields import UtcDateTimeField
from django_dinero.db.on_commit import unit_of_work
from django_dinero.exceptions import InvalidInput
from django_dinero.identifiers import digest
from django_dinero.models import _services
from django_dinero.models.mode import LiveField
from django_dinero.models.sync_state import ALL_EDITS, SyncState, waiting_marks
from django_dinero.models.tracked import TrackedModel

__all__ = ["SyncState", "SyncedModel"]

#: How long nothing is concluded from a gateway's not finding a row.
NEW_FOR = timedelta(seconds=60)


#: A field, its model or None, and its value, as Django passes them to an UPDATE.
ColumnValue = tuple[Any, type[models.Model] | None, Any]


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """The gateway's answer for a row that has not been written yet.

    Attributes:
        accepted: whether the gateway now has the values of this instance.
        conclude: ends the operation, in the transaction that writes the row. If a worker could die
            between the two, a card could stay at the gateway and nobody would search for it.
        with_customer: whether the row and its customer are written in one transaction.
    """

    accepted: bool = True
    conclude: Callable[[], object] | None = None
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


class SyncedModel(TrackedModel):
    """A row whose ``PUSHED_FIELDS`` are pushed to the gateway when they change.

    ``synced_digest`` is the digest of the values last pushed. ``version`` counts the changes, and
    ``synced_version`` is the newest version that the gateway has.
    """

    #: Fields whose changes are pushed. Their order is stored in ``edits``: add new ones at the end.
    PUSHED_FIELDS: ClassVar[tuple[str, ...]] = ()
    #: Columns that identify a stored row at its gateway and never change.
    FIXED_FIELDS: ClassVar[tuple[str, ...]] = ("gateway_name",)
    #: Columns that only the gateway can fill. Only a save that records its answer writes them.
    GATEWAY_ONLY: ClassVar[tuple[str, ...]] = ()
    #: Columns that only pushes and pulls write. A save of a stale instance does not change them.
    BOOKKEEPING: ClassVar[tuple[str, ...]] = (
        "live",
        "sync_state",
        "sync_error",
        "edits",
        "version",
        "synced_version",
        "synced_digest",
    )

    public_id = models.UUIDField(
        gettext_lazy("public id"), default=uuid.uuid4, unique=True, editable=False
    )
    gateway_name = models.CharField(gettext_lazy("gateway"), max_length=64, default=DEFAULT_GATEWAY)
    #: Whether it is of an account where real money moves.
    live = LiveField(gettext_lazy("live"))
    sync_state = models.CharField(
        gettext_lazy("sync state"),
        max_length=8,
        choices=SyncState,
        default=SyncState.PENDING,
        editable=False,
    )
    sync_error = models.TextField(gettext_lazy("last refusal"), blank=True, editable=False)
    #: Which of ``PUSHED_FIELDS`` were changed since the last push, as bits in their order. A pull
    #: takes the others from the gateway.
    edits = models.PositiveSmallIntegerField(default=ALL_EDITS, editable=False)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    synced_version = models.PositiveBigIntegerField(default=0, editable=False)
    synced_digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = UtcDateTimeField(gettext_lazy("created"), auto_now_add=True, db_index=True)
    updated_at = UtcDateTimeField(gettext_lazy("changed"), auto_now=True)

    #: The gateway's answer, while :meth:`save_with_answer` runs.
    answer: GatewayAnswer | None = None
    #: What :meth:`save` is writing, while it runs.
    _writing: Writing | None = None
    #: Whether the instance has what its push left in the row.
    _is_current = False

    class Meta:
        abstract = True

    def pushed_values(self) -> dict[str, Any]:
        """Return the pushed fields of this instance."""
        return {name: getattr(self, name) for name in self.PUSHED_FIELDS}

    def differs_from(self, told: object) -> bool:
        """Say whether a gateway tells other values than this instance has.

        Args:
            told: has the pushed fields as attributes; what is empty is not told.
        """
        texts = {name: getattr(told, name) for name in self.PUSHED_FIELDS}
        return any(text and text != getattr(self, name) for name, text in texts.items())

    def pushed_digest(self) -> str:
        """Return the digest of the pushed fields of this instance."""
        return digest(self.pushed_values())

    def synced_bookkeeping(self) -> dict[str, Any]:
        """Return the bookkeeping of a row whose values on this instance the gateway has."""
        return {
            "sync_state": SyncState.SYNCED.value,
            "sync_error": "",
            "edits": 0,
            "synced_digest": self.pushed_digest(),
        }

    @classmethod
    def edits_of(cls, names: Iterable[str]) -> int:
        """Return the bits of these fields in ``edits``; other fields have none."""
        given = set(names)
        return sum(1 << n for n, name in enumerate(cls.PUSHED_FIELDS) if name in given)

    def is_edited(self, name: str) -> bool:
        """Say whether a field of this row was changed here since the last push."""
        return bool(self.edits & self.edits_of([name]))

    def mark_synced(self) -> None:
        """Set :meth:`synced_bookkeeping` on this instance. The caller writes the row."""
        for name, value in self.synced_bookkeeping().items():
            setattr(self, name, value)

    @property
    def is_new(self) -> bool:
        """Whether it was stored less than a minute ago, here or by another process.

        For some seconds a gateway may not find what it has just stored (Authorize.Net: 2 to 15 s).
        """
        stored = not self._state.adding
        return not stored or datetime.now(UTC) - self.created_at < NEW_FOR

    @property
    def new_ids(self) -> tuple[str, ...]:
        """The gateway's ids of this row, if the gateway may not find it yet."""
        if not self.is_new:
            return ()
        ids = (self.__dict__.get(name) for name in ("customer_id", "card_id"))
        return tuple(each for each in ids if each)

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

    @own_errors()
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
            with unit_of_work(using):
                repeated(partial(self._write_or_restore, using, args, kwargs), using)
                written = True
        finally:
            if written:
                self.reload_bookkeeping(using)

    def _write_or_restore(self, using: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Write the row in one transaction. If it fails, the instance is as it was before."""
        restore = as_it_is(self)
        try:
            with transaction.atomic(using=using):
                if self.answer is not None and self.answer.conclude is not None:
                    self.answer.conclude()
                self._write(using, args, kwargs)
        except Error:
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
            base_qs = self._mine(base_qs)
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

    @own_errors()
    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete the row here, and at the gateway after the commit."""
        using = using or router.db_for_write(type(self), instance=self)
        delete = partial(super().delete, using=using, keep_parents=keep_parents)
        with unit_of_work(using):
            return repeated(delete, using, is_rivalry)

    def before_write(self, using: str, names: Collection[str] | None) -> None:
        """Hook for subclasses, run inside the transaction of :meth:`save`.

        Args:
            names: the columns to be written; None for all.
        """

    @classmethod
    def lock_for_write(cls, rows: QuerySet[Any], using: str) -> None:
        """Hook for subclasses: take the locks that every write of these rows takes first."""

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """As Django's, and report whatever :meth:`save` would refuse.

        Raises:
            ValidationError: the errors by field; those of excluded fields, which the form does not
                have, stand on top.
        """
        errors: dict[str, Any] = {}
        try:
            super().clean_fields(exclude=exclude)
        except ValidationError as error:
            errors = error.update_error_dict(errors)
        hidden = set(exclude or ()) - errors.keys()
        names = {field.name for field in self._meta.fields}
        for name, text in self.save_errors().items():
            if name in names - hidden:
                errors.setdefault(name, [ValidationError(text, code="invalid")])
            else:
                top = errors.setdefault(NON_FIELD_ERRORS, [])
                top.append(ValidationError(f"{name}: {text}", code="invalid"))
        if errors:
            raise ValidationError(errors)

    def save_errors(self) -> dict[str, str]:
        """Return what :meth:`save` would refuse, by field."""
        return self.value_errors()

    def check_values(self, only: Collection[str] | None = None) -> None:
        """Raise :class:`InvalidInput` naming everything that cannot be stored or sent.

        Args:
            only: the fields to be saved; None for all.
        """
        errors = self.value_errors(only)
        if errors:
            raise self.input_error(errors)

    def value_errors(self, only: Collection[str] | None = None) -> dict[str, str]:
        """Return the errors in the values of this instance, by field."""
        errors: dict[str, str] = {}
        texts: dict[str, str] = {}
        for name in self.PUSHED_FIELDS:
            if only is not None and name not in only:
                continue
            field = self._meta.get_field(name)
            if not isinstance(field, models.CharField) or name not in self.__dict__:
                continue
            problem = _text_error(field, self.__dict__[name])
            if problem:
                errors[name] = problem
            else:
                texts[name] = self.__dict__[name]
        for name in self._changed_fixed_fields(only):
            errors[name] = _("This does not change once it is stored.")
        return errors | _services.customers.length_errors(self.gateway_name, texts)

    def input_error(self, errors: Mapping[str, str]) -> InvalidInput:
        return InvalidInput(errors, gateway_name=self.gateway_name)

    def _changed_fixed_fields(self, only: Collection[str] | None) -> list[str]:
        if self._state.adding or not getattr(self, "customer_id", None):
            return []
        names = [name.removesuffix("_pk") for name in self.changed(*self.FIXED_FIELDS)]
        return [name for name in names if only is None or name in only]

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
        if self._stored_row(using).exists():
            return False
        # Another row may have got its primary key meanwhile: SQLite gives them out again.
        self.pk, self._state.adding = None, True
        return True

    def _stored_row(self, using: str) -> QuerySet[Any]:
        return self._mine(QuerySet(type(self), using=using).filter(pk=self.pk))

    def _mine(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Leave out a row that has got the primary key of this instance's after a rollback."""
        own = self.__dict__.get("public_id")  # not read now where it is deferred
        return rows if own is None else rows.filter(public_id=own)

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


def _text_error(field: models.CharField[Any, Any], text: object) -> str:
    if not isinstance(text, str):
        return _("Pass a str, not %(type)s.") % {"type": type(text).__name__}
    if field.max_length is not None and len(text) > field.max_length:
        return _("At most %(limit)d characters.") % {"limit": field.max_length}
    return unsendable(text, field.name)
