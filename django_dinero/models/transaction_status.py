"""The statuses of transactions, and which of them count as what."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class TransactionStatus(models.TextChoices):
    """The status of a transaction, as far as the gateway has reported it."""

    APPROVED = "approved", _("approved")
    SETTLED = "settled", _("settled")
    VOIDED = "voided", _("voided")
    HELD = "held", _("held for review")
    REQUIRES_ACTION = "requires_action", _("waits for the card's holder")
    DECLINED = "declined", _("declined")
    FAILED = "failed", _("failed")
    EXPIRED = "expired", _("expired")
    RETURNED = "returned", _("returned")
    CHARGED_BACK = "charged_back", _("charged back")


#: Statuses in which the payment is not decided yet.
UNDECIDED = (TransactionStatus.HELD, TransactionStatus.REQUIRES_ACTION)
#: Statuses that few transactions have: what somebody looks for among millions.
RARE_STATUSES = (
    *UNDECIDED,
    TransactionStatus.VOIDED,
    TransactionStatus.DECLINED,
    TransactionStatus.FAILED,
    TransactionStatus.EXPIRED,
    TransactionStatus.RETURNED,
    TransactionStatus.CHARGED_BACK,
)
#: Statuses whose amount counts in sums.
COUNTED = (TransactionStatus.APPROVED, TransactionStatus.SETTLED)
#: Statuses of payments that came back, by the card's holder or the bank: the worst first.
LOST = (TransactionStatus.CHARGED_BACK, TransactionStatus.RETURNED)
#: Statuses of a payment that was taken, whatever became of it.
TAKEN = (*COUNTED, *LOST)
#: Statuses of a payment that was taken, or that may still be.
TAKEN_OR_OPEN = (*TAKEN, *UNDECIDED)
