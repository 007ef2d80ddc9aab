"""The base class of customers and cards: rows whose changes are pushed to a gateway."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

from django.core.exceptions import ObjectDoesNotExist
from django.db import models, router, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.cards import unsendable
from django_dinero.conf import DEFAULT_GATEWAY
from django_dinero.db.fields import UtcDateTimeField
from django_dinero.db.on_commit import unit_of_work
from django_dinero.exceptions import InvalidInput
from django_dinero.identifiers import digest
from django_dinero.models import _services
from django_dinero.models.sync_state import SyncState

__all__ = ["SyncState", "SyncedModel"]

#: How long nothing is concluded from a gateway's not finding a row.
NEW_FOR = timedelta(seconds=60)


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


class SyncedModel(models.Model):
    """A row whose ``PUSHED_FIELDS`` are pushed to the gateway when they change.

    ``synced_digest`` is the digest of the values last pushed. ``version`` counts the changes, and
    ``synced_version`` is the newest version that the gateway has.
    """

    #: Fields whose changes are pushed.
    PUSHED_FIELDS: ClassVar[tuple[str, ...]] = ()
    #: Fields that identify a stored row at its gateway and never change. The loaded values of these
    #: and of ``WATCHED_FIELDS`` are remembered.
    FIXED_FIELDS: ClassVar[tuple[str, ...]] = ("gateway_name",)
    WATCHED_FIELDS: ClassVar[tuple[str, ...]] = ()
    #: Columns that only the gateway can fill. Only a save that records its answer writes them.
    GATEWAY_ONLY: ClassVar[tuple[str, ...]] = ()
    #: Columns that only pushes and pulls write. A save of a stale instance does not change them.
    BOOKKEEPING: ClassVar[tuple[str, ...]] = (
        "sync_state",
        "sync_error",
        "version",
        "synced_version",
        "synced_digest",
    )

    public_id = models.UUIDField(
        gettext_lazy("public id"), default=uuid.uuid4, unique=True, editable=False
    )
    gateway_name = models.CharField(gettext_lazy("gateway"), max_length=64, default=DEFAULT_GATEWAY)
    sync_state = models.CharField(
        gettext_lazy("sync state"),
        max_length=8,
        choices=SyncState,
        default=SyncState.PENDING,
        editable=False,
    )
    sync_error = models.TextField(gettext_lazy("last refusal"), blank=True, editable=False)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    synced_version = models.PositiveBigIntegerField(default=0, editable=False)
    synced_digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = UtcDateTimeField(gettext_lazy("created"), auto_now_add=True, db_index=True)
    updated_at = UtcDateTimeField(gettext_lazy("changed"), auto_now=True)

    #: The gateway's answer, while :meth:`save_with_answer` runs.
    answer: GatewayAnswer | None = None
    _loaded: Mapping[str, Any] = {}

    class Meta:
        abstract = True

    def pushed_values(self) -> dict[str, Any]:
        """Return the pushed fields of this instance."""
        return {name: getattr(self, name) for name in self.PUSHED_FIELDS}

    def pushed_digest(self) -> str:
        """Return the digest of the pushed fields of this instance."""
        return digest(self.pushed_values())

    def synced_bookkeeping(self) -> dict[str, Any]:
        """Return the bookkeeping of a row whose values on this instance the gateway has."""
        return {
            "sync_state": SyncState.SYNCED,
            "sync_error": "",
            "synced_digest": self.pushed_digest(),
        }

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
            SyncedModel.save(self, *args, **kwargs)
        finally:
            self.answer = None

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        **options: Any,
    ) -> Self:
        """Load a row, and remember its fixed and watched fields."""
        row = super().from_db(db, field_names, values, **options)
        row._remember_loaded()
        return row

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: QuerySet[Any] | None = None,
    ) -> None:
        """Load the fields again. Their new values count as unchanged."""
        names = None if fields is None else set(fields)
        super().refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        self._remember_loaded(names)

    def _remember_loaded(self, names: Collection[str] | None = None) -> None:
        watched = [
            n for n in (*self.FIXED_FIELDS, *self.WATCHED_FIELDS) if names is None or n in names
        ]
        kept = {} if names is None else self._loaded
        self._loaded = {**kept, **{n: self.__dict__[n] for n in watched if n in self.__dict__}}

    def changed(self, *names: str) -> list[str]:
        """Return which of these fields differ from what was loaded or saved last."""
        return [n for n in names if n in self._loaded and self._loaded[n] != self.__dict__.get(n)]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and push the change right after the commit.

        Raises:
            InvalidInput: something cannot be stored or sent; nothing was written.
            DineroError: the gateway refused (outside a transaction only). The row keeps its new
                values and is marked.
        """
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = frozenset(kwargs["update_fields"])
        self.check_values(kwargs.get("update_fields"))
        written = False
        # Nobody can have written a row that is inserted with the gateway's answer in it.
        is_known = self._state.adding and self.was_accepted
        try:
            with unit_of_work(using):
                with transaction.atomic(using=using):
                    if self.answer is not None and self.answer.conclude is not None:
                        self.answer.conclude()
                    narrowed = self._save_arguments(kwargs, using)
                    self.before_write(using, narrowed.get("update_fields"))
                    super().save(*args, **narrowed)
                written = True
        finally:
            if written:
                self._remember_loaded(kwargs.get("update_fields"))
                self.reload_bookkeeping(using, is_known=is_known)

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete the row here, and at the gateway after the commit."""
        using = using or router.db_for_write(type(self), instance=self)
        with unit_of_work(using):
            return super().delete(using=using, keep_parents=keep_parents)

    def before_write(self, using: str, names: Collection[str] | None) -> None:
        """Hook for subclasses, run inside the transaction of :meth:`save`.

        Args:
            names: the columns to be written; None for all.
        """

    @classmethod
    def lock_for_write(cls, rows: QuerySet[Any], using: str) -> None:
        """Hook for subclasses: take the locks that every write of these rows takes first."""

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
            problem = self._text_error(field, self.__dict__[name])
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

    @staticmethod
    def _text_error(field: models.CharField[Any, Any], text: object) -> str:
        if not isinstance(text, str):
            return _("Pass a str, not %(type)s.") % {"type": type(text).__name__}
        if field.max_length is not None and len(text) > field.max_length:
            return _("At most %(limit)d characters.") % {"limit": field.max_length}
        return unsendable(text)

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
        return not self._stored_row(using).exists()

    def _stored_row(self, using: str) -> QuerySet[Any]:
        return QuerySet(type(self), using=using).filter(pk=self.pk)

    def mark_changed(self, using: str, written: Collection[str]) -> None:
        """Mark the row just written as waiting, unless the gateway has already accepted it."""
        if self.was_accepted:
            # The order matters: in MariaDB an assignment sees the result of the one before it.
            self._stored_row(using).update(
                **self._bookkeeping_after_answer(),
                synced_version=F("version") + 1,
                version=F("version") + 1,
            )
            return
        whole = (set(self.PUSHED_FIELDS) - {*self._columns_written_elsewhere()}).issubset(written)
        state = self._state_after_save() if whole else Value(SyncState.PENDING)
        self._stored_row(using).update(sync_state=state, version=F("version") + 1)

    def _state_after_save(self) -> Case:
        # Decided by the stored row, since another process may have pushed it meanwhile. A row that
        # waits stays waiting, because a push under way may already have reached the gateway.
        settled = Q(sync_state__in=(SyncState.SYNCED, SyncState.MISSING))
        same = When(settled & self._synced_digest_matches(), then=F("sync_state"))
        return Case(same, default=Value(SyncState.PENDING))

    def _synced_digest_matches(self) -> Q:
        """Return the condition that the gateway has the values of this instance."""
        return Q(synced_digest=self.pushed_digest())

    def _bookkeeping_after_answer(self) -> dict[str, Any]:
        """Return the bookkeeping of a row whose values the gateway accepted before this write."""
        return {}

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

    def reload_bookkeeping(self, using: str, *, is_known: bool = False) -> None:
        """Read again what pushes write: the bookkeeping and the gateway's ids.

        Args:
            is_known: whether the instance has all of it already.
        """
        if is_known:
            return
        with suppress(ObjectDoesNotExist):  # another process deleted the row while it was pushed
            self.refresh_from_db(
                using=using, fields=[*self.BOOKKEEPING, *self._columns_written_elsewhere()]
            )

    def _columns_written_elsewhere(self) -> tuple[str, ...]:
        """Return the columns that others write: a save leaves them out and reads them again."""
        return ()
