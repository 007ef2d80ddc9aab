"""Why payments were declined, in words for a list."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.enums import ReasonKind
from django_dinero.models.transaction_status import TransactionStatus

LABELS: Mapping[str, object] = {
    ReasonKind.CARD_DECLINED: gettext_lazy("Declined by the card's bank"),
    ReasonKind.AVS: gettext_lazy("Wrong billing address"),
    ReasonKind.CVV: gettext_lazy("Wrong card code (CVV)"),
    ReasonKind.INVALID_CARD: gettext_lazy("Wrong card number or spent token"),
    ReasonKind.EXPIRY: gettext_lazy("Expired, or wrong date"),
    ReasonKind.INVALID_AMOUNT: gettext_lazy("Amount not accepted"),
    ReasonKind.DUPLICATE_TRANSACTION: gettext_lazy("Taken for a duplicate"),
    ReasonKind.REFUND: gettext_lazy("Refund refused"),
    ReasonKind.INVALID_TRANSACTION: gettext_lazy("Transaction not accepted"),
    ReasonKind.HELD: gettext_lazy("Declined after a review"),
    ReasonKind.ACTION_REQUIRED: gettext_lazy("Not confirmed by the card's holder"),
    ReasonKind.CUSTOMER_NOT_FOUND: gettext_lazy("Customer unknown to the gateway"),
    ReasonKind.CARD_NOT_FOUND: gettext_lazy("Card unknown to the gateway"),
    ReasonKind.AUTHENTICATION: gettext_lazy("Our credentials were refused"),
    ReasonKind.NOT_PERMITTED: gettext_lazy("Not permitted to our account"),
    ReasonKind.UNAVAILABLE: gettext_lazy("The gateway was not available"),
    ReasonKind.GATEWAY_ERROR: gettext_lazy("An error of the gateway"),
}
#: Reasons for which a payment is not decided yet, or was not when it began.
UNDECIDED: Mapping[str, TransactionStatus] = {
    ReasonKind.HELD: TransactionStatus.HELD,
    ReasonKind.ACTION_REQUIRED: TransactionStatus.REQUIRES_ACTION,
}


def reason_text(reason: str, *, is_refused: bool) -> str:
    """Return the reason that a row has for its status, in words; empty where it has none."""
    if not is_refused and reason in UNDECIDED:
        return capfirst(str(UNDECIDED[reason].label))
    return reason_label(reason) if reason else ""


def reason_label(reason: str) -> str:
    """Return why a payment was refused; a reason that has no words as it is."""
    if not reason:
        return _("No reason given")
    return str(LABELS.get(reason, reason))
