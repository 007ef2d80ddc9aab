"""The runs of reconcile: when, how far back, and what came of them."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_dinero.db.fields import IdField, UtcDateTimeField, UtcNow
from django_dinero.models.choices import quick_labels
from django_dinero.models.mode import LiveField
from django_dinero.models.moments import minute_text


class ReconciliationState(models.TextChoices):
    """How a run of reconcile stands."""

    RUNNING = "running", _("running")
    #: Every phase ran to its end. What it found may still need somebody.
    FINISHED = "finished", _("finished")
    #: A phase failed, or the process died and nobody took over. The next run begins as early,
    #: unless all that looks back was done.
    BROKEN = "broken", _("broken off")


@quick_labels
class Reconciliation(models.Model):
    """One run of reconcile over one gateway.

    The newest one that has compared all is the watermark: the next run looks back to a little
    before it began.
    One run at a time has ``running_name``. Its lease is prolonged while it works. A run whose lease
    is over was killed, and the next one takes over its work.
    """

    gateway_name = IdField(_("gateway"), max_length=64)
    live = LiveField(_("live"))
    state = models.CharField(
        _("state"),
        max_length=8,
        choices=ReconciliationState,
        default=ReconciliationState.RUNNING,
    )
    #: A digest of gateway and mode while it runs, else NULL: it is unique.
    running_name = IdField(max_length=64, null=True, editable=False)
    #: From when on the gateway's transactions were read, by its clock.
    since = UtcDateTimeField(_("looked back to"))
    #: Whether the next run may look back to this one only. Not if somebody asked for a later start.
    is_watermark = models.BooleanField(_("next run begins here"), default=True)
    #: The phases that have ended, so that a run that was killed goes on with the others.
    phases_done = models.JSONField(_("phases done"), default=list)
    #: How far the sweep has come, where it looks back so far that it goes in several slices.
    swept_until = UtcDateTimeField(_("compared up to"), null=True, editable=False)
    #: What was counted, by name: operations resolved, transactions read, rows written.
    counts = models.JSONField(_("counts"), default=dict)
    #: The gateway's ids of customers that it did not show. The next run asks for them again.
    unread = models.JSONField(default=list, editable=False)
    error = models.TextField(_("why it broke off"), blank=True)
    worker = models.CharField(max_length=100, blank=True, default="", editable=False)
    lease_until = UtcDateTimeField(null=True, editable=False)
    started_at = UtcDateTimeField(_("started"), db_default=UtcNow(), editable=False)
    ended_at = UtcDateTimeField(_("ended"), null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state__in=ReconciliationState.values),
                name="dinero_reconciliation_state",
            ),
            models.UniqueConstraint(fields=("running_name",), name="dinero_reconciliation_running"),
            # One that has ended must let the next one begin.
            models.CheckConstraint(
                condition=models.Q(state=ReconciliationState.RUNNING, running_name__isnull=False)
                | models.Q(
                    state__in=(ReconciliationState.FINISHED, ReconciliationState.BROKEN),
                    running_name=None,
                ),
                name="dinero_reconciliation_ended",
            ),
        )
        indexes = (
            models.Index(
                fields=("gateway_name", "live", "state", "id"), name="dinero_reconciliation_newest"
            ),
        )

    def __str__(self) -> str:
        return f"{self.gateway_name} {minute_text(self.started_at)} ({self.get_state_display()})"
