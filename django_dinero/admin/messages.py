"""What went wrong, in words for a person who has to decide what to do now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.exceptions import (
    AuthenticationError,
    AVSAndCVVError,
    AVSError,
    CardDeclinedError,
    CVVError,
    DineroError,
    DuplicateCardError,
    DuplicateTransactionError,
    ExpiryError,
    HeldForReview,
    IdempotencyKeyReused,
    NeedsAttention,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models import Operation, Transaction
from django_dinero.redaction import scrub


@dataclass(frozen=True, slots=True)
class Notice:
    """An error as a page shows it.

    ``again`` says whether the page may offer to do it once more; where it must not, because the
    first attempt may have worked, the form is left out.
    """

    title: str
    text: str
    again: bool
    detail: str = ""
    operation: Operation | None = None
    transaction: Transaction | None = None


#: A class, a title, what to do, whether to offer the form again.
Entry = tuple[type[DineroError], Any, Any, bool]


def _mismatches(ending: Any) -> tuple[Entry, ...]:
    """Return the entries of what the customer can be asked for again, told apart from a decline."""
    return (
        (
            AVSAndCVVError,
            gettext_lazy("Neither the billing address nor the card code (CVV) is right."),
            ending,
            True,
        ),
        (CVVError, gettext_lazy("The card code (CVV) is wrong or missing."), ending, True),
        (AVSError, gettext_lazy("The billing address is not that of the card."), ending, True),
        (ExpiryError, gettext_lazy("The card has expired, or the date is wrong."), ending, True),
    )


#: By class, the most specific first.
_CHARGE: tuple[Entry, ...] = (
    (
        OutcomeUnknown,
        gettext_lazy("It is not known yet whether the card was charged."),
        gettext_lazy(
            "The gateway's answer was lost. Do not charge again: operation %(key)s is being "
            "looked up. Its page in the journal tells how it ended, and can ask the gateway once "
            "more."
        ),
        False,
    ),
    (
        OperationInProgress,
        gettext_lazy("This charge is being made already."),
        gettext_lazy("Do not charge again. The page of operation %(key)s tells how it ended."),
        False,
    ),
    (
        NeedsAttention,
        gettext_lazy("The gateway's answer contradicts what was asked."),
        gettext_lazy(
            "Do not charge again. Compare operation %(key)s with the gateway's own pages first."
        ),
        False,
    ),
    (
        HeldForReview,
        gettext_lazy("The payment is held for review: it is neither paid nor declined."),
        gettext_lazy("Do not charge again. It is paid or declined when the review is decided."),
        False,
    ),
    (
        NotSent,
        gettext_lazy("The gateway could not be reached."),
        gettext_lazy("Nothing was sent and nothing was charged. You can try again."),
        True,
    ),
    (
        IdempotencyKeyReused,
        gettext_lazy("This page was used before, for another charge."),
        gettext_lazy(
            "Nothing was charged this time (the other one is operation %(key)s). If you do want "
            "one more charge, check the amount and press the button again."
        ),
        True,
    ),
    (
        DuplicateTransactionError,
        gettext_lazy("The gateway took the same charge a moment ago, and refused this one."),
        gettext_lazy("Nothing was charged this time. Look at the card's transactions first."),
        True,
    ),
    *_mismatches(gettext_lazy("Nothing was charged.")),
    (
        CardDeclinedError,
        gettext_lazy("The card was declined."),
        gettext_lazy("Nothing was charged."),
        True,
    ),
    (
        AuthenticationError,
        gettext_lazy("The gateway does not accept our credentials."),
        gettext_lazy("Nothing was charged. Whoever looks after the settings has to correct them."),
        True,
    ),
    (
        DineroError,
        gettext_lazy("The charge was refused."),
        gettext_lazy("Nothing was charged."),
        True,
    ),
)

_CARD: tuple[Entry, ...] = (
    (
        OutcomeUnknown,
        gettext_lazy("It is not known yet whether the card was stored."),
        gettext_lazy(
            "The gateway's answer was lost; operation %(key)s is being looked up. If the card was "
            "stored it will appear at the customer by itself. Nothing was charged."
        ),
        False,
    ),
    (
        OperationInProgress,
        gettext_lazy("A card is being added to this customer already."),
        gettext_lazy("Look at the customer's cards in a moment (operation %(key)s)."),
        False,
    ),
    (
        NeedsAttention,
        gettext_lazy("The gateway's answer contradicts what was asked."),
        gettext_lazy("Compare operation %(key)s with the gateway's own pages first."),
        False,
    ),
    (
        NotSent,
        gettext_lazy("The gateway could not be reached."),
        gettext_lazy("Nothing was sent and nothing was stored. You can try again."),
        True,
    ),
    (
        DuplicateCardError,
        gettext_lazy("The customer has this card already."),
        gettext_lazy("Nothing was stored."),
        True,
    ),
    *_mismatches(gettext_lazy("Nothing was stored and nothing was charged.")),
    (
        CardDeclinedError,
        gettext_lazy("The card was declined when it was checked."),
        gettext_lazy("Nothing was stored and nothing was charged."),
        True,
    ),
    (
        AuthenticationError,
        gettext_lazy("The gateway does not accept our credentials."),
        gettext_lazy("Nothing was stored. Whoever looks after the settings has to correct them."),
        True,
    ),
    (
        DineroError,
        gettext_lazy("The card was refused."),
        gettext_lazy("Nothing was stored."),
        True,
    ),
)


_FOLLOW_UP: tuple[Entry, ...] = (
    (
        OutcomeUnknown,
        gettext_lazy("It is not known yet whether this was done."),
        gettext_lazy(
            "The gateway's answer was lost. Do not do it again: operation %(key)s is being looked "
            "up. Its page in the journal tells how it ended, and can ask the gateway once more."
        ),
        False,
    ),
    (
        OperationInProgress,
        gettext_lazy("Something is being done to this transaction already."),
        gettext_lazy("The page of operation %(key)s tells what it is and how it ended."),
        False,
    ),
    (
        NeedsAttention,
        gettext_lazy("The gateway's answer contradicts what was asked."),
        gettext_lazy("Compare operation %(key)s with the gateway's own pages first."),
        False,
    ),
    (
        NotSent,
        gettext_lazy("The gateway could not be reached."),
        gettext_lazy("Nothing was sent and nothing was changed. You can try again."),
        True,
    ),
    (
        IdempotencyKeyReused,
        gettext_lazy("This page was used before, with another amount."),
        gettext_lazy(
            "Nothing was done this time (the other one is operation %(key)s). If you do want one "
            "more, check the amount and press the button again."
        ),
        True,
    ),
    (
        DineroError,
        gettext_lazy("This was refused."),
        gettext_lazy("Nothing was changed."),
        True,
    ),
)


def of_follow_up(error: DineroError) -> Notice:
    """Return what to tell about a capture, void or refund that did not end well."""
    return _notice(error, _FOLLOW_UP)


def of_charge(error: DineroError) -> Notice:
    """Return what to tell about a charge that did not end well."""
    return _notice(error, _CHARGE)


def of_card(error: DineroError) -> Notice:
    """Return what to tell about a card that was not stored."""
    return _notice(error, _CARD)


def _notice(error: DineroError, words: tuple[Entry, ...]) -> Notice:
    title, text, again = next(entry[1:] for entry in words if isinstance(error, entry[0]))
    key = error.operation.key if error.operation is not None else "?"
    return Notice(
        title=str(title),
        text=str(text) % {"key": key} if "%(key)s" in str(text) else str(text),
        again=again,
        detail=_detail(error) if again or isinstance(error, HeldForReview | NeedsAttention) else "",
        operation=error.operation,
        transaction=error.transaction,
    )


def _detail(error: DineroError) -> str:
    if error.gateway_code:
        return _("The gateway said: %(text)s") % {"text": said(error)}
    return _("Reason: %(text)s") % {"text": said(error)}


def said(error: DineroError) -> str:
    """Return the error's own text, with the gateway's code where it has one."""
    text = scrub(str(error.message or error))
    if error.gateway_code:
        return _("%(text)s (gateway code %(code)s)") % {"text": text, "code": error.gateway_code}
    return text
