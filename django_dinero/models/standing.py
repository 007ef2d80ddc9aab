"""What became of a payment, in one word: its own status together with what has followed it.

A status alone misleads whoever reads a list: a captured authorization would look like an open one,
and a refunded charge like income.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from django_dinero.enums import TransactionKind
from django_dinero.models.family import Family
from django_dinero.models.transaction import Transaction
from django_dinero.models.transaction_status import COUNTED, LOST, TransactionStatus


class Tone(StrEnum):
    """What a word means for the business; pages choose a colour and a sign by it."""

    #: The money was taken, or what was asked for is done.
    GOOD = "good"
    #: Something is still to be done or decided.
    OPEN = "open"
    #: No money, or money lost again.
    BAD = "bad"
    #: Over, by somebody's wish.
    NEUTRAL = "neutral"


class Standing(TextChoices):
    """What became of a payment, in one word."""

    #: An authorization that can be captured.
    AUTHORIZED = "authorized", _("authorized")
    #: Captured with less than was authorized; the rest is not available any more.
    PARTLY_CAPTURED = "partly_captured", _("partly captured")
    #: The money was taken, and the bank has not paid it out yet.
    CAPTURED = "captured", _("captured")
    #: The bank has paid it out.
    SETTLED = "settled", _("settled")
    PARTLY_REFUNDED = "partly_refunded", _("partly refunded")
    REFUNDED = "refunded", _("refunded")
    #: A refund or a void that the gateway has accepted.
    APPROVED = "approved", _("approved")
    VOIDED = "voided", _("voided")
    HELD = "held", _("held for review")
    REQUIRES_ACTION = "requires_action", _("waits for the card's holder")
    DECLINED = "declined", _("declined")
    FAILED = "failed", _("failed")
    EXPIRED = "expired", _("expired")
    RETURNED = "returned", _("returned")
    CHARGED_BACK = "charged_back", _("charged back")

    @property
    def tone(self) -> Tone:
        """What the word means for the business."""
        return TONES[self]


TONES: Mapping[Standing, Tone] = {
    Standing.AUTHORIZED: Tone.OPEN,
    Standing.PARTLY_CAPTURED: Tone.GOOD,
    Standing.CAPTURED: Tone.GOOD,
    Standing.SETTLED: Tone.GOOD,
    Standing.PARTLY_REFUNDED: Tone.NEUTRAL,
    Standing.REFUNDED: Tone.NEUTRAL,
    Standing.APPROVED: Tone.GOOD,
    Standing.VOIDED: Tone.NEUTRAL,
    Standing.HELD: Tone.OPEN,
    Standing.REQUIRES_ACTION: Tone.OPEN,
    Standing.DECLINED: Tone.BAD,
    Standing.FAILED: Tone.BAD,
    Standing.EXPIRED: Tone.NEUTRAL,
    Standing.RETURNED: Tone.BAD,
    Standing.CHARGED_BACK: Tone.BAD,
}

#: Statuses that say all there is to say, whatever has followed.
_FINAL: Mapping[str, Standing] = {
    status: Standing(status.value) for status in TransactionStatus if status not in COUNTED
}


def standing_of(family: Family) -> Standing:
    """Return the standing of a transaction.

    Args:
        family: the transaction with all that follows it. Of an authorization, the refunds of its
            captures belong to it; without them they do not show.
    """
    row = family.row
    if row.status in _FINAL:
        return _FINAL[row.status]
    if row.kind == TransactionKind.AUTHORIZATION:
        return _of_authorization(family)
    if row.kind in (TransactionKind.CHARGE, TransactionKind.CAPTURE):
        return _of_taken(family, [row])
    settled = row.status == TransactionStatus.SETTLED
    return Standing.SETTLED if settled else Standing.APPROVED


def _of_authorization(family: Family) -> Standing:
    captures = [each for each in family.children if each.kind == TransactionKind.CAPTURE]
    found = {each.status for each in captures}
    # What befell a capture is what became of its authorization.
    for status in LOST:
        if status in found:
            return _FINAL[status]
    taken = [each for each in captures if each.status in COUNTED]
    return _of_taken(family, taken) if taken else Standing.AUTHORIZED


def _of_taken(family: Family, taken: Sequence[Transaction]) -> Standing:
    """Return the standing of money that was taken by a charge, a capture, or several captures."""
    refunded = family.sum_of(TransactionKind.REFUND)
    if refunded >= family.captured:
        return Standing.REFUNDED
    if refunded:
        return Standing.PARTLY_REFUNDED
    if family.captured < Decimal(family.row.price):
        return Standing.PARTLY_CAPTURED
    settled = all(each.status == TransactionStatus.SETTLED for each in taken)
    return Standing.SETTLED if settled else Standing.CAPTURED
