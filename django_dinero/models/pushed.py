"""Which fields of a row are pushed to the gateway, and the columns that keep track of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy

from django_dinero.conf import DEFAULT_GATEWAY
from django_dinero.db.fields import IdField, UtcDateTimeField
from django_dinero.identifiers import digest
from django_dinero.models.misplaced import hide_card_numbers
from django_dinero.models.mode import LiveField
from django_dinero.models.sync_state import ALL_EDITS, SyncState
from django_dinero.models.tracked import TrackedModel

#: For how long after a row was stored a gateway's "not found" proves nothing.
NEW_FOR = timedelta(seconds=60)


class PushedModel(TrackedModel):
    """A row with ``PUSHED_FIELDS``, of which the gateway has a copy.

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
        "pulled_at",
    )

    public_id = models.UUIDField(
        gettext_lazy("public id"), default=uuid.uuid4, unique=True, editable=False
    )
    gateway_name = IdField(gettext_lazy("gateway"), max_length=64, default=DEFAULT_GATEWAY)
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
    #: When the gateway was asked for what it told of this row last, by the database's clock. None
    #: if no pull has changed it. The answer to an earlier question is older than the row.
    pulled_at = UtcDateTimeField(null=True, editable=False)
    created_at = UtcDateTimeField(gettext_lazy("created"), auto_now_add=True, db_index=True)
    updated_at = UtcDateTimeField(gettext_lazy("changed"), auto_now=True)

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs:  # a row that is read comes without
            hide_card_numbers(type(self), kwargs)
        super().__init__(*args, **kwargs)

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
        return self.was_new_at(datetime.now(UTC))

    def was_new_at(self, moment: datetime) -> bool:
        """Say whether it had been stored for less than a minute then."""
        stored = not self._state.adding
        return not stored or moment - self.created_at < NEW_FOR

    @property
    def new_ids(self) -> tuple[str, ...]:
        """The gateway's ids of this row, if the gateway may not find it yet."""
        if not self.is_new:
            return ()
        ids = (self.__dict__.get(name) for name in ("customer_id", "card_id"))
        return tuple(each for each in ids if each)
