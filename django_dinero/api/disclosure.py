"""How much callers are told of an error: staff all of it, cardholders nothing to guess by.

The texts stand in :mod:`django_dinero.user_messages`.
"""

from __future__ import annotations

from django_dinero import exceptions, user_messages
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.models.operation import MONEY_KINDS
from django_dinero.redaction import scrub

#: To a cardholder they are one and the same, by code and by text.
DECLINES = (
    exceptions.CardDeclinedError,
    exceptions.InvalidCardError,
    exceptions.ExpiryError,
)
#: About the call itself, in our own words: whoever made it needs the details.
ABOUT_THE_CALL = (
    exceptions.InvalidInput,
    exceptions.UnsupportedFeature,
    exceptions.IdempotencyKeyReused,
    exceptions.OperationInProgress,
)
#: Not told in full to staff either: the settings of this server, and ids of other people's rows.
NEVER_IN_FULL = (
    exceptions.AuthenticationError,
    exceptions.NotPermittedError,
    exceptions.InsideTransaction,
    exceptions.DuplicateCustomerError,
    exceptions.DuplicateCardError,
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
    if isinstance(error, NEVER_IN_FULL):
        return error.user_message
    if in_full or isinstance(error, ABOUT_THE_CALL):
        return scrub(str(error))
    return error.user_message


def _of_unknown(error: DineroError) -> str:
    if error.operation is not None and error.operation.kind not in MONEY_KINDS:
        return str(user_messages.CALLER_UNKNOWN_VAULT)
    return str(user_messages.CALLER_UNKNOWN_MONEY)
