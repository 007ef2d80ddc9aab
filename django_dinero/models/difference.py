"""Where our books and the gateway's disagree: found by reconcile, closed by it or by a person."""

from __future__ import annotations

from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_dinero.cards import wrap_secrets
from django_dinero.db.fields import IdField, UtcDateTimeField, UtcNow
from django_dinero.identifiers import KEY_LENGTH
from django_dinero.models import _services, difference_texts
from django_dinero.models.choices import quick_labels
from django_dinero.models.mode import LiveField
from django_dinero.money import DECIMAL_PLACES, MAX_DIGITS


class DifferenceKind(models.TextChoices):
    """What the two sides disagree about."""

    #: The gateway has a transaction with a key like ours, and the journal does not know the key.
    UNKNOWN_KEY = "unknown_key", _("a payment that nobody here knows")
    #: A transaction counts here, and the gateway's complete list does not have it.
    MISSING_THERE = "missing_there", _("a payment that the gateway does not have")
    #: Both have it, with another amount or currency.
    AMOUNT = "amount", _("another amount")
    #: The gateway's status cannot follow from ours.
    STATUS = "status", _("another status")
    #: The gateway has two transactions with one key.
    TWICE = "twice", _("one key, two payments")
    #: The sums of one currency and one UTC day differ.
    BOOKS = "books", _("the books of a day differ")
    #: The gateway has a customer or card with our key, and there is no row here.
    VAULT_ONLY_THERE = "vault_only_there", _("stored at the gateway only")
    #: A customer or card here is not at the gateway any more.
    VAULT_ONLY_HERE = "vault_only_here", _("stored here only")


class DifferenceState(models.TextChoices):
    """Whether somebody still has to look at a difference."""

    OPEN = "open", _("open")
    #: A later run has not found it again.
    RESOLVED = "resolved", _("gone by itself")
    #: A person has explained it.
    CLOSED = "closed", _("closed by hand")


@quick_labels
class Difference(models.Model):
    """A difference between our books and the gateway's.

    The same difference, found again, is the same row: ``open_name`` is unique among the open ones.
    """

    gateway_name = IdField(_("gateway"), max_length=64)
    live = LiveField(_("live"))
    kind = models.CharField(_("kind"), max_length=20, choices=DifferenceKind)
    #: What it is about: a gateway's id, an operation key, or a day and a currency.
    subject = IdField(_("about"), max_length=255)
    #: A digest of gateway, mode, kind and subject while it is open, else NULL.
    open_name = IdField(max_length=64, null=True, editable=False)
    operation_key = IdField(_("operation key"), max_length=KEY_LENGTH, blank=True, default="")
    transaction_id = IdField(_("transaction id"), max_length=255, blank=True, default="")
    customer_id = IdField(_("customer id"), max_length=255, blank=True, default="")
    card_id = IdField(_("card id"), max_length=255, blank=True, default="")
    day = models.DateField(_("day"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    amount_here = models.DecimalField(
        _("amount here"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, null=True
    )
    amount_there = models.DecimalField(
        _("amount at the gateway"), max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES, null=True
    )
    #: Which sentence says what was found, and where the payment stands on each side: codes, which
    #: stay the same in every language. ``facts`` has what the sentence names.
    reason = models.CharField(max_length=24, blank=True, default="", editable=False)
    status_here = models.CharField(max_length=20, blank=True, default="", editable=False)
    status_there = models.CharField(max_length=20, blank=True, default="", editable=False)
    facts = models.JSONField(default=dict, editable=False)
    #: The sentence in English; :attr:`shown_text` is for people.
    text = models.TextField(_("what was found"), blank=True)
    state = models.CharField(
        _("state"), max_length=8, choices=DifferenceState, default=DifferenceState.OPEN
    )
    note = models.CharField(_("explanation"), max_length=500, blank=True, default="")
    closed_by = models.CharField(_("closed by"), max_length=150, blank=True, default="")
    times_seen = models.PositiveIntegerField(_("times found"), default=1)
    first_seen_at = UtcDateTimeField(_("first found"), db_default=UtcNow(), editable=False)
    last_seen_at = UtcDateTimeField(_("last found"), db_default=UtcNow(), editable=False)
    ended_at = UtcDateTimeField(_("ended"), null=True, blank=True)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("open_name",), name="dinero_difference_open"),
            models.CheckConstraint(
                condition=models.Q(kind__in=DifferenceKind.values), name="dinero_difference_kind"
            ),
            models.CheckConstraint(
                condition=models.Q(state=DifferenceState.OPEN, open_name__isnull=False)
                | models.Q(
                    state__in=(DifferenceState.RESOLVED, DifferenceState.CLOSED), open_name=None
                ),
                name="dinero_difference_state",
            ),
        )
        indexes = (models.Index(fields=("subject",), name="dinero_difference_subject"),)
        permissions = (("close_difference", _("Can close a difference")),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject} ({self.get_state_display()})"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to look at it."""
        return self.state == DifferenceState.OPEN

    @property
    def shown_text(self) -> str:
        """What was found, in a sentence in the language of whoever reads it."""
        return difference_texts.sentence(
            self.reason, self.facts, here=self.status_here, there=self.status_there
        ) or str(self.text)

    def close(self, *, note: str, by: object) -> Difference:
        """Close it with an explanation. The very same difference is not written down again.

        Args:
            note: why the two sides differ, for the record.
            by: who closes it: a user or a name.

        Raises:
            InvalidInput: it is not open, or there is no note or name.
        """
        texts = {"note": note, "by": by if isinstance(by, str) else str(by or "")}
        wrap_secrets(texts)
        del note, by  # a traceback shows the locals
        return _services.differences.close(self, **texts)
