"""What callers are told of an error: staff all of it, cardholders nothing to guess by.

Whoever tries out stolen numbers learns from the reason of a decline what to try next: a wrong CVV,
a wrong address, an expired card and an empty account get one and the same answer.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero import exceptions
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.models.operation import MONEY_KINDS
from django_dinero.redaction import scrub

DECLINES = (
    exceptions.CardDeclinedError,
    exceptions.InvalidCardError,
    exceptions.ExpiryError,
)

#: In place of a gateway's own words; the first class that fits counts.
TO_CARDHOLDERS: tuple[tuple[type[DineroError], str | Promise], ...] = (
    *((kind, gettext_lazy("The card was declined.")) for kind in DECLINES),
    (exceptions.HeldForReview, gettext_lazy("The payment is held until it has been reviewed.")),
    (
        exceptions.DuplicateTransactionError,
        gettext_lazy("The same charge was made a moment ago."),
    ),
    (exceptions.CardLimitError, gettext_lazy("No more cards can be stored; delete one first.")),
    (exceptions.CardNotFoundError, gettext_lazy("The gateway no longer has this card.")),
    (exceptions.CustomerNotFoundError, gettext_lazy("The gateway no longer has this customer.")),
    (exceptions.GatewayError, gettext_lazy("The payment gateway refused it.")),
    (exceptions.NotSent, gettext_lazy("Nothing reached the payment gateway; try again.")),
)


def code_for(error: DineroError, *, in_full: bool) -> str:
    """Return the ``code`` of the answer."""
    if isinstance(error, exceptions.AuthenticationError):
        # Ours is not accepted at the gateway; the code would read as the caller's sign-in.
        return exceptions.GatewayError.code
    if in_full or isinstance(error, InvalidInput) or not isinstance(error, DECLINES):
        return error.code
    return exceptions.CardDeclinedError.code


def detail_for(error: DineroError, *, in_full: bool) -> str:
    """Return the ``detail`` of the answer."""
    if isinstance(error, exceptions.OutcomeUnknown | exceptions.NeedsAttention):
        return _of_unknown(error)
    if isinstance(error, exceptions.AuthenticationError | exceptions.InsideTransaction):
        # How this server is set up is for its log, not for whoever calls.
        return _("The server cannot use its payment gateway.")
    # The gateway's text has the id that it found, and that may be somebody else's.
    if isinstance(error, exceptions.DuplicateCustomerError):
        return _("The gateway has this customer already.")
    if isinstance(error, exceptions.DuplicateCardError):
        return _("The gateway has this card already.")
    if in_full or isinstance(error, InvalidInput):
        return scrub(str(error))
    fitting = (text for kind, text in TO_CARDHOLDERS if isinstance(error, kind))
    return str(next(fitting, scrub(str(error))))


def _of_unknown(error: DineroError) -> str:
    if error.operation is not None and error.operation.kind not in MONEY_KINDS:
        return _(
            "No clear answer came from the gateway: this may have been done. Look at what is "
            "stored before you repeat it."
        )
    return _(
        "No clear answer came from the gateway: this may have been done. Do not repeat it with a "
        "new Idempotency-Key; with the same one it is looked up and never done twice."
    )
