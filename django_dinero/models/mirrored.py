"""What customers and cards have in common: rows that mirror something in a gateway's vault."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self, TypeVar

from django.db import models, router, transaction
from django.db.models import Case, F, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero import hooks
from django_dinero.cards import unsendable
from django_dinero.commit import unit_of_work
from django_dinero.conf import DEFAULT_GATEWAY
from django_dinero.exceptions import InvalidInput
from django_dinero.keys import digest

ModelT = TypeVar("ModelT", bound="Mirrored", covariant=True)


class SyncState(models.TextChoices):
    """Whether the gateway has a row as it stands here."""

    SYNCED = "synced", gettext_lazy("synced")
    PENDING = "pending", gettext_lazy("waiting to be pushed")
    ERROR = "error", gettext_lazy("push failed")
    MISSING = "missing", gettext_lazy("gone at the gateway")


class MirroredQuerySet(models.QuerySet[ModelT]):
    """Marks what changes past ``save()``, so that it is pushed later instead of drifting."""

    def update(self, **values: Any) -> int:
        """Update rows; those whose mirrored fields change are marked as waiting to be pushed.

        Django's ``bulk_update()`` comes through here too.
        """
        if not set(values).isdisjoint(self.model.MIRRORED):
            values.setdefault("sync_state", SyncState.PENDING)
            values.setdefault("version", F("version") + 1)
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]

    def update_mirrored(self, **values: Any) -> int:
        """Write what the gateway said, or our own bookkeeping: nothing is marked or pushed."""
        return super().update(**values)

    update_mirrored.alters_data = True  # type: ignore[attr-defined]

    def bulk_update_mirrored(self, objs: Iterable[Any], fields: Iterable[str]) -> int:
        """Write what the gateway said in bulk; nothing is marked."""
        plain: models.QuerySet[Any] = models.QuerySet(self.model, self.query.chain(), self.db)
        return plain.bulk_update(objs, fields)

    bulk_update_mirrored.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete rows here, then at their gateways once this has been committed."""
        with unit_of_work(self.db):
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def update_or_create(
        self,
        defaults: Mapping[str, Any] | None = None,
        create_defaults: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[ModelT, bool]:
        """As Django's; the push runs after its commit and raises what it refuses."""
        using = router.db_for_write(self.model)
        with unit_of_work(using):
            row, created = super().update_or_create(defaults, create_defaults, **kwargs)
        row.load_marks(using)
        return row, created

    update_or_create.alters_data = True  # type: ignore[attr-defined]

    def get_or_create(
        self, defaults: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> tuple[ModelT, bool]:
        """As Django's; the push runs after its commit and raises what it refuses."""
        using = router.db_for_write(self.model)
        with unit_of_work(using):
            row, created = super().get_or_create(defaults, **kwargs)
        if created:
            row.load_marks(using)
        return row, created

    get_or_create.alters_data = True  # type: ignore[attr-defined]


class Mirrored(models.Model):
    """A row whose mirrored fields are pushed to the gateway when they change.

    ``synced_digest`` is the digest of the mirrored fields last pushed; ``version`` counts the
    changes, ``synced_version`` is the newest that the gateway has.
    """

    #: Fields whose change is pushed.
    MIRRORED: ClassVar[tuple[str, ...]] = ()
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

    #: Set where the gateway took the values before the row is written (a new card number).
    just_pushed = False

    class Meta:
        abstract = True

    def mirrored_digest(self) -> str:
        """Return the digest of the mirrored fields as they stand on this instance."""
        return digest({name: getattr(self, name) for name in self.MIRRORED})

    @classmethod
    def bookkeeping(cls, row: Self) -> dict[str, Any]:
        """Return the values that say: the gateway has ``row`` as it stands."""
        return {
            "sync_state": SyncState.SYNCED,
            "sync_error": "",
            "synced_digest": row.mirrored_digest(),
        }

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
        before = (self.sync_state, self.version)
        written = False
        try:
            with unit_of_work(using):
                with transaction.atomic(using=using):
                    self.before_write(using)
                    super().save(*args, **self._marked(kwargs))
                written = True
        finally:
            if written:
                self.load_marks(using)
            else:
                self.sync_state, self.version = before
            self.just_pushed = False

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete here, then at the gateway once this has been committed."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with unit_of_work(using):
            return super().delete(*args, **kwargs)

    def before_write(self, using: str) -> None:
        """Hook for subclasses: runs inside the transaction of :meth:`save`."""

    def check_values(self, only: Iterable[str] | None = None) -> None:
        """Raise :class:`InvalidInput` naming every text that is too long or cannot be sent."""
        errors: dict[str, str] = {}
        for field in self._meta.concrete_fields:
            if field.name not in self.MIRRORED or (only is not None and field.name not in only):
                continue
            if field.attname not in self.__dict__ or not isinstance(field, models.CharField):
                continue
            text = getattr(self, field.attname)
            problem = self._problem(field, text)
            if problem:
                errors[field.name] = problem
        if errors:
            raise InvalidInput(errors, gateway_name=self.gateway_name)
        hooks.call("check_limits", self)

    @staticmethod
    def _problem(field: models.CharField[Any, Any], text: object) -> str:
        if not isinstance(text, str):
            return _("Pass a str, not %(type)s.") % {"type": type(text).__name__}
        if field.max_length is not None and len(text) > field.max_length:
            return _("At most %(limit)d characters.") % {"limit": field.max_length}
        return unsendable(text)

    def _marked(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of save() with the mark added to what is written."""
        if self._state.adding or kwargs.get("force_insert"):
            return kwargs
        names = self._written_names(kwargs.get("update_fields"))
        if self.just_pushed:
            return {**kwargs, "update_fields": names | set(self.BOOKKEEPING)}
        if names.isdisjoint(self.MIRRORED):
            return {**kwargs, "update_fields": names}
        self.sync_state = self._next_state() if names >= set(self.MIRRORED) else SyncState.PENDING
        self.version = F("version") + 1
        return {**kwargs, "update_fields": names | {"sync_state", "version"}}

    def _next_state(self) -> Any:
        # Judged by the row, not by this instance: another process may have pushed meanwhile.
        same = self.mirrored_digest()
        return Case(
            When(synced_digest=same, sync_state=SyncState.MISSING, then=Value(SyncState.MISSING)),
            When(synced_digest=same, then=Value(SyncState.SYNCED)),
            default=Value(SyncState.PENDING),
        )

    def _written_names(self, update_fields: Iterable[str] | None) -> set[str]:
        if update_fields is not None:
            return set(update_fields) - set(self.BOOKKEEPING)
        loaded = {
            field.name
            for field in self._meta.concrete_fields
            if not field.primary_key and field.attname in self.__dict__
        }
        # An id that a push assigned since this instance was read would be lost.
        return loaded - {*self.BOOKKEEPING, *self._assigned_by_push()}

    def load_marks(self, using: str) -> None:
        """Read what a push wrote: the bookkeeping, and the id that the gateway gave."""
        self.refresh_from_db(using=using, fields=[*self.BOOKKEEPING, *self._assigned_by_push()])

    def _assigned_by_push(self) -> tuple[str, ...]:
        return ()
