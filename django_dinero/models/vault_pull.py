"""Pulls of whole accounts: how far each has come."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_dinero.db.fields import IdField, UtcDateTimeField, UtcNow
from django_dinero.models.mode import LiveField
from django_dinero.models.moments import minute_text


class VaultPull(models.Model):
    """One pull of all customers of a gateway, so that one that was broken off can go on.

    ``cursor`` and ``seen`` are written after each batch of customers was committed: what a killed
    pull did after that is done once more, which changes nothing.
    """

    gateway_name = IdField(_("gateway"), max_length=64)
    live = LiveField(_("live"))
    #: The gateway's id of the last customer whose batch was committed.
    cursor = IdField(_("came to"), max_length=255, blank=True, default="")
    #: The newest customer here when it began. Only up to there does "not seen" say something.
    newest_pk = models.BigIntegerField(default=0, editable=False)
    #: Which customers the gateway has told of, compressed; empty once it has ended.
    seen = models.BinaryField(default=bytes, editable=False)
    pulled = models.PositiveIntegerField(_("customers pulled"), default=0)
    gone = models.PositiveIntegerField(_("customers gone"), default=0)
    #: Whether tasks carry it out, page by page; then they need to know what it was told.
    in_background = models.BooleanField(default=False, editable=False)
    #: The dotted path of the function that tells the owner of a customer.
    owner_from = models.CharField(max_length=255, blank=True, default="", editable=False)
    #: The most requests in a second, if there is a limit.
    rate = models.FloatField(null=True, editable=False)
    #: When it was last seen to come further, or was handed to a worker.
    touched_at = UtcDateTimeField(db_default=UtcNow(), editable=False)
    started_at = UtcDateTimeField(_("started"), db_default=UtcNow(), editable=False)
    ended_at = UtcDateTimeField(_("ended"), null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        verbose_name = _("pull of a vault")
        verbose_name_plural = _("pulls of vaults")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.gateway_name} {minute_text(self.started_at)}"
