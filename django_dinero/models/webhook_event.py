"""Webhooks: each is stored once, before anything is done about it."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_dinero.db.fields import IdField, UtcDateTimeField, UtcNow
from django_dinero.db.indexes import ValuesIndex
from django_dinero.models import _services
from django_dinero.models.choices import quick_labels
from django_dinero.models.mode import LiveField


class EventState(models.TextChoices):
    """How far an event has come."""

    #: Stored. Whoever takes its lease fetches the object and applies it.
    RECEIVED = "received", _("received")
    #: The gateway's object was fetched, and our rows are as it says.
    APPLIED = "applied", _("applied")
    #: It is about something that is not ours, or of another account. Nothing was applied.
    NOT_OURS = "not_ours", _("not ours")
    #: Applying it failed. It is tried again at ``next_try_at``.
    PARKED = "parked", _("parked")
    #: Tried too often. Only a replay by a person takes it up again.
    GIVEN_UP = "given_up", _("given up")


#: States in which an event still waits to be applied.
WAITING_STATES = (EventState.RECEIVED, EventState.PARKED)


@quick_labels
class WebhookEvent(models.Model):
    """A webhook whose signature was right. Its body only hints at which object to fetch."""

    gateway_name = IdField(_("gateway"), max_length=64)
    live = LiveField(_("live"))
    #: The gateway's own id of the event; where it has none, a digest of the body.
    event_id = IdField(_("event id"), max_length=255)
    event_type = models.CharField(_("type"), max_length=255)
    object_kind = models.CharField(_("object"), max_length=20, blank=True, default="")
    object_id = IdField(_("id of the object"), max_length=255, blank=True, default="")
    #: The customer of a card, where the gateway tells it.
    customer_id = IdField(_("customer id"), max_length=255, blank=True, default="")
    operation_key = IdField(_("operation key"), max_length=64, blank=True, default="")
    state = models.CharField(
        _("state"), max_length=8, choices=EventState, default=EventState.RECEIVED
    )
    #: ``state`` while it still waits, else NULL; filled in by the database, since it has an index.
    waiting_state = models.GeneratedField(
        expression=models.Case(
            models.When(
                state__in=[state.value for state in WAITING_STATES], then=models.F("state")
            ),
            default=None,
        ),
        output_field=models.CharField(max_length=8, null=True),
        db_persist=True,
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    worker = models.CharField(max_length=100, blank=True, default="", editable=False)
    lease_until = UtcDateTimeField(null=True, editable=False)
    next_try_at = UtcDateTimeField(_("next try"), null=True, blank=True)
    error = models.TextField(_("why it was not applied"), blank=True)
    #: What the gateway sent, without secrets; emptied when its time has run out.
    body = models.TextField(_("body"), blank=True)
    received_at = UtcDateTimeField(_("received"), db_default=UtcNow(), editable=False)
    applied_at = UtcDateTimeField(_("applied"), null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        verbose_name = _("webhook event")
        verbose_name_plural = _("webhook events")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("event_id", "gateway_name", "live"), name="dinero_webhookevent_id"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=EventState.values), name="dinero_webhookevent_state"
            ),
        )
        indexes = (
            ValuesIndex(fields=("waiting_state",), name="dinero_webhookevent_waiting"),
            # Few are given up, and each look at how things stand counts them.
            models.Index(fields=("state",), name="dinero_webhookevent_by_state"),
            models.Index(fields=("object_id",), name="dinero_webhookevent_object"),
            models.Index(fields=("received_at",), name="dinero_webhookevent_received"),
        )
        permissions = (("replay_webhookevent", _("Can apply a webhook event again")),)

    def __str__(self) -> str:
        return f"{self.event_type} {self.object_id} ({self.get_state_display()})"

    @property
    def is_waiting(self) -> bool:
        """Whether it is still to be applied."""
        return self.state in WAITING_STATES

    def replay(self) -> WebhookEvent:
        """Apply it again, whatever became of it before: its object is fetched as it is now.

        It is tried at once. Where that fails, the event is parked, and ``error`` says why.

        Returns:
            This event, up to date.

        Raises:
            OperationInProgress: another worker is applying it.
            NotSent: the database cannot be written now.
        """
        return _services.webhooks.replay(self)
