"""What customers and cards have in common: rows that mirror something in a gateway's vault."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from django.core.exceptions import ObjectDoesNotExist
from django.db import models, router, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.cards import unsendable
from django_dinero.conf import DEFAULT_GATEWAY
from django_dinero.db.on_commit import unit_of_work
from django_dinero.exceptions import InvalidInput
from django_dinero.identifiers import digest
from django_dinero.models import _services
from django_dinero.models.sync_state import SyncState

__all__ = ["SyncState", "SyncedModel"]


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """What the gateway said about a row before the row is written.

    Attributes:
        taken: whether it has the values of this instance now.
        conclude: ends the operation, in the transaction that writes the row: a worker that dies
            between the two would leave a card at the gateway that nobody looks for any more.
        with_customer: whether the row comes with its customer, in one transaction.
    """

    taken: bool = True
    conclude: Callable[[], object] | None = None
    with_customer: bool = False


class SyncedModel(models.Model):
    """A row whose mirrored fields are pushed to the gateway when they change.

    ``synced_digest`` is the digest of the mirrored fields last pushed; ``version`` counts the
    changes, ``synced_version`` is the newest that the gateway has.
    """

    #: Fields whose change is pushed.
    PUSHED_FIELDS: ClassVar[tuple[str, ...]] = ()
    #: Part of what a stored row is at its gateway: it never changes. Those named here and in
    #: ``WATCHED`` are remembered as they were loaded.
    FIXED: ClassVar[tuple[str, ...]] = ("gateway_name",)
    WATCHED: ClassVar[tuple[str, ...]] = ()
    #: Columns that only the gateway can fill: a save leaves them alone, except the one that records
    #: the gateway's answer.
    GATEWAY_ONLY: ClassVar[tuple[str, ...]] = ()
    #: Written by pushes and mirrors only; a full save of a stale instance leaves them alone.
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
        db_index=True,
    )
    sync_error = models.TextField(gettext_lazy("last refusal"), blank=True, editable=False)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    synced_version = models.PositiveBigIntegerField(default=0, editable=False)
    synced_digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(gettext_lazy("created"), auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(gettext_lazy("changed"), auto_now=True)

    #: While :meth:`save_answered` runs: what the gateway said before the row is written.
    answer: GatewayAnswer | None = None
    _loaded: Mapping[str, Any] = {}

    class Meta:
        abstract = True

    def pushed_values(self) -> dict[str, Any]:
        """Return the mirrored fields as they stand on this instance."""
        return {name: getattr(self, name) for name in self.PUSHED_FIELDS}

    def mirrored_digest(self) -> str:
        """Return the digest of the mirrored fields as they stand on this instance."""
        return digest(self.pushed_values())

    def synced_marks(self) -> dict[str, Any]:
        """Return the values that say: the gateway has the row as it stands on this instance."""
        return {
            "sync_state": SyncState.SYNCED,
            "sync_error": "",
            "synced_digest": self.mirrored_digest(),
        }

    def mark_synced(self) -> None:
        """Put :meth:`synced_marks` on this instance; whoever called writes them."""
        for name, value in self.synced_marks().items():
            setattr(self, name, value)

    @property
    def was_taken(self) -> bool:
        """Whether the gateway took the values that are being written."""
        return self.answer is not None and self.answer.taken

    def save_answered(self, answer: GatewayAnswer, *args: Any, **kwargs: Any) -> None:
        """Save a row that the gateway has answered for already: nothing of it is pushed.

        Args:
            answer: what it said.
            *args, **kwargs: as for :meth:`save`.
        """
        if answer.taken:
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
        """Load a row, and remember what must not change, or is judged only when it changes."""
        row = super().from_db(db, field_names, values, **options)
        row._remember()
        return row

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: QuerySet[Any] | None = None,
    ) -> None:
        """Load again; what was loaded counts as unchanged."""
        names = None if fields is None else set(fields)
        super().refresh_from_db(using=using, fields=names, from_queryset=from_queryset)
        self._remember(names)

    def _remember(self, names: Collection[str] | None = None) -> None:
        watched = [n for n in (*self.FIXED, *self.WATCHED) if names is None or n in names]
        kept = {} if names is None else self._loaded
        self._loaded = {**kept, **{n: self.__dict__[n] for n in watched if n in self.__dict__}}

    def changed(self, *names: str) -> list[str]:
        """Return which of these watched attributes differ from what was loaded or saved last."""
        return [n for n in names if n in self._loaded and self._loaded[n] != self.__dict__.get(n)]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and push the change right after the commit.

        Raises:
            InvalidInput: something cannot be stored or sent; nothing was written.
            DineroError: outside a transaction, what the gateway answered; the row keeps the new
                values and is marked.
        """
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = frozenset(kwargs["update_fields"])
        self.check_values(kwargs.get("update_fields"))
        written = False
        try:
            with unit_of_work(using):
                with transaction.atomic(using=using):
                    if self.answer is not None and self.answer.conclude is not None:
                        self.answer.conclude()
                    narrowed = self._narrowed(kwargs, using)
                    self.before_write(using, narrowed.get("update_fields"))
                    super().save(*args, **narrowed)
                written = True
        finally:
            if written:
                self._remember(kwargs.get("update_fields"))
                self.load_marks(using)

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete here, then at the gateway once this has been committed."""
        using = using or router.db_for_write(type(self), instance=self)
        with unit_of_work(using):
            return super().delete(using=using, keep_parents=keep_parents)

    def before_write(self, using: str, names: Collection[str] | None) -> None:
        """Hook for subclasses: runs inside the transaction of :meth:`save`.

        Args:
            names: the columns that are going to be written, None for all.
        """

    @classmethod
    def lock_for_write(cls, rows: QuerySet[Any], using: str) -> None:
        """Hook for subclasses: lock first what each write of these rows locks first."""

    def check_values(self, only: Collection[str] | None = None) -> None:
        """Raise :class:`InvalidInput` naming everything that cannot be stored or sent.

        Args:
            only: the fields that are going to be saved, None for all.
        """
        errors = self.problems(only)
        if errors:
            raise self.input_error(errors)

    def problems(self, only: Collection[str] | None = None) -> dict[str, str]:
        """Return what is wrong with the values on this instance, by field."""
        errors: dict[str, str] = {}
        texts: dict[str, str] = {}
        for name in self.PUSHED_FIELDS:
            if only is not None and name not in only:
                continue
            field = self._meta.get_field(name)
            if not isinstance(field, models.CharField) or name not in self.__dict__:
                continue
            problem = self._problem(field, self.__dict__[name])
            if problem:
                errors[name] = problem
            else:
                texts[name] = self.__dict__[name]
        for name in self._fixed_changes(only):
            errors[name] = _("This does not change once it is stored.")
        return errors | _services.customers.length_errors(self.gateway_name, texts)

    def input_error(self, errors: Mapping[str, str]) -> InvalidInput:
        """Return the error for these fields."""
        return InvalidInput(errors, gateway_name=self.gateway_name)

    def _fixed_changes(self, only: Collection[str] | None) -> list[str]:
        if self._state.adding or not getattr(self, "customer_id", None):
            return []
        names = [name.removesuffix("_pk") for name in self.changed(*self.FIXED)]
        return [name for name in names if only is None or name in only]

    @staticmethod
    def _problem(field: models.CharField[Any, Any], text: object) -> str:
        if not isinstance(text, str):
            return _("Pass a str, not %(type)s.") % {"type": type(text).__name__}
        if field.max_length is not None and len(text) > field.max_length:
            return _("At most %(limit)d characters.") % {"limit": field.max_length}
        return unsendable(text)

    def _narrowed(self, kwargs: dict[str, Any], using: str) -> dict[str, Any]:
        """Return the arguments of save() with the columns that it may write."""
        if self._state.adding or kwargs.get("force_insert") or self._rolled_back(kwargs, using):
            return kwargs
        names = self._written_names(kwargs.get("update_fields"))
        return {**kwargs, "update_fields": frozenset(names)}

    def _rolled_back(self, kwargs: dict[str, Any], using: str) -> bool:
        """Whether the row went with a transaction; Django writes such an instance once more.

        A row that the gateway knows is not brought back to life: it was deleted there too.
        """
        if getattr(self, "customer_id", None) or kwargs.get("update_fields") is not None:
            return False
        return not self._row(using).exists()

    def _row(self, using: str) -> QuerySet[Any]:
        return QuerySet(type(self), using=using).filter(pk=self.pk)

    def mark_changed(self, using: str, written: Collection[str]) -> None:
        """Mark the row that was just written: it waits, unless the gateway has just taken it."""
        if self.was_taken:
            # In this order: MariaDB sees in the second assignment what the first one wrote.
            self._row(using).update(
                **self._marks_as_pushed(),
                synced_version=F("version") + 1,
                version=F("version") + 1,
            )
            return
        whole = (set(self.PUSHED_FIELDS) - {*self._written_by_others()}).issubset(written)
        state = self._next_state() if whole else Value(SyncState.PENDING)
        self._row(using).update(sync_state=state, version=F("version") + 1)

    def _next_state(self) -> Case:
        # Judged by the row, not by this instance: another process may have pushed meanwhile. What
        # waits goes on waiting: a push of it that is under way may have reached the gateway.
        settled = Q(sync_state__in=(SyncState.SYNCED, SyncState.MISSING))
        same = When(settled & self._has_synced_digest(), then=F("sync_state"))
        return Case(same, default=Value(SyncState.PENDING))

    def _has_synced_digest(self) -> Q:
        """Return the condition that the gateway has the row as it stands on this instance."""
        return Q(synced_digest=self.mirrored_digest())

    def _marks_as_pushed(self) -> dict[str, Any]:
        """Return the marks of a row whose values the gateway took before they were written."""
        return {}

    def _written_names(self, update_fields: Iterable[str] | None) -> set[str]:
        not_ours = {*self.BOOKKEEPING, *self._written_by_others()}
        loaded = {
            field.name
            for field in self._meta.concrete_fields
            if not field.primary_key and field.attname in self.__dict__
        }
        if self.was_taken:
            # All that the gateway was sent, however little of it the caller asked to save.
            return (loaded - not_ours) | self.synced_marks().keys()
        # An id or a last digit that a push brought since this instance was read would be lost.
        names = loaded if update_fields is None else set(update_fields)
        return names - not_ours - set(self.GATEWAY_ONLY)

    def load_marks(self, using: str) -> None:
        """Read what a push wrote: the bookkeeping, and the id that the gateway gave."""
        with suppress(ObjectDoesNotExist):  # deleted by somebody else while it was pushed
            self.refresh_from_db(
                using=using, fields=[*self.BOOKKEEPING, *self._written_by_others()]
            )

    def _written_by_others(self) -> tuple[str, ...]:
        """Return the columns that a save does not write, and reads again afterwards."""
        return ()
