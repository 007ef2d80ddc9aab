"""Everything django-dinero raises: one tree, one stable ``.code`` per class.

The classes answer the caller's question "what do I do now?":

* :class:`InvalidInput`: you passed something wrong; nothing was sent, nothing was written.
* :class:`NotSent`: nothing reached the gateway; repeating is safe.
* :class:`OutcomeUnknown`: the gateway may or may not have done it; never repeat, look it up.
* every other :class:`GatewayError`: the gateway answered, and this is its answer.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.utils.translation import gettext as _

from django_dinero import user_messages
from django_dinero.redaction import scrub

if TYPE_CHECKING:
    from django_dinero.gateways.types import NextAction

__all__ = [
    "AVSAndCVVError",
    "AVSError",
    "ActionRequired",
    "AuthenticationError",
    "CVVError",
    "CardDeclinedError",
    "CardLimitError",
    "CardNotFoundError",
    "CustomerNotFoundError",
    "DineroError",
    "DuplicateCardError",
    "DuplicateCustomerError",
    "DuplicateTransactionError",
    "ExpiryError",
    "GatewayError",
    "GatewayUnavailableError",
    "HeldForReview",
    "IdempotencyKeyReused",
    "InsideTransaction",
    "InvalidAmountError",
    "InvalidAmountInput",
    "InvalidCVVInput",
    "InvalidCardError",
    "InvalidCardInput",
    "InvalidExpiryInput",
    "InvalidInput",
    "InvalidTransactionError",
    "NeedsAttention",
    "NotPermittedError",
    "NotSent",
    "OperationClosed",
    "OperationInProgress",
    "OrderPaid",
    "OutcomeUnknown",
    "RefundError",
    "UnsupportedFeature",
]


class DineroError(Exception):
    """Base of every error of this app.

    ``code`` never changes between releases. ``transaction`` and ``operation`` are the rows the
    error is about, where there are any. ``str(error)`` is for staff and logs: it may quote the
    gateway. Cardholders read :attr:`user_message`.
    """

    code: ClassVar[str] = "dinero_error"

    def __init__(
        self,
        message: str = "",
        *,
        transaction: Any = None,
        operation: Any = None,
        gateway_code: str = "",
        gateway_name: str = "",
    ) -> None:
        super().__init__(message or self.__class__.__name__)
        self.message = message
        self.transaction = transaction
        self.operation = operation
        self.gateway_code = gateway_code
        self.gateway_name = gateway_name

    def __reduce__(self) -> tuple[Any, ...]:
        # Not through __init__, as Exception does it: subclasses have arguments of their own.
        return _rebuild, (type(self), self.args), self._pickled_state()

    def _pickled_state(self) -> dict[str, Any]:
        """Return the attributes that go into a pickle."""
        return dict(self.__dict__)

    def __copy__(self) -> Self:
        return self._with_state(self.__dict__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._with_state(
            {
                # What is wrapped as a secret cannot be copied, and does not change either.
                name: value if name == "next_action" else copy.deepcopy(value, memo)
                for name, value in self.__dict__.items()
            }
        )

    def _with_state(self, state: Mapping[str, Any]) -> Self:
        error: Self = _rebuild(type(self), self.args)
        error.__dict__.update(state)
        return error

    @classmethod
    def codes(cls) -> tuple[str, ...]:
        """Return the codes of this class and of its parents, the closest first."""
        own = (each for each in cls.__mro__ if issubclass(each, DineroError))
        return tuple(dict.fromkeys(each.code for each in own))

    @property
    def user_message(self) -> str:
        """What a cardholder may read, in the language that is active now.

        It is the same for every decline: the reason would tell a card tester what to try next.
        """
        return str(user_messages.closest(user_messages.CARDHOLDER, self.codes()))


class InvalidInput(DineroError, ValueError):
    """What the caller passed cannot be sent. ``errors`` maps each field to its messages.

    ``cardholder`` is what a cardholder reads in place of them, where that is something else, and
    ``over_http`` the messages by field for whoever calls the API and not Python.
    """

    code = "invalid_input"

    def __init__(
        self,
        errors: Mapping[str, str | list[str]],
        *,
        cardholder: str = "",
        over_http: Mapping[str, str] | None = None,
        **context: Any,
    ) -> None:
        self.cardholder = cardholder
        self.over_http = dict(over_http or {})
        self.errors: dict[str, list[str]] = {
            field: [texts] if isinstance(texts, str) else list(texts)
            for field, texts in errors.items()
        }
        text = " ".join(f"{field}: {' '.join(texts)}" for field, texts in self.errors.items())
        super().__init__(text, **context)

    @property
    def user_message(self) -> str:
        """What is wrong, without the names of the fields; a form shows ``errors`` instead.

        What only the programmer can have passed wrongly is not told to a cardholder.
        """
        if self.cardholder:
            return str(self.cardholder)
        entered = [
            text
            for name, texts in self.errors.items()
            if name not in user_messages.NOT_ENTERED
            for text in texts
            if not isinstance(text, user_messages.ForCode)
        ]
        if self.errors and not entered:
            return str(user_messages.CARDHOLDER[user_messages.FALLBACK])
        return scrub(" ".join(entered)) or super().user_message

    @property
    def by_field(self) -> dict[str, str]:
        """The texts of each field as one; a single one stays the object that it is."""
        return {
            name: texts[0] if len(texts) == 1 else " ".join(texts)
            for name, texts in self.errors.items()
        }


class InsideTransaction(DineroError):
    """Money would move inside a database transaction that can still be rolled back."""

    code = "inside_transaction"


class OperationInProgress(DineroError):
    """Another operation on the same customer, card or transaction is not finished."""

    code = "operation_in_progress"


class IdempotencyKeyReused(DineroError):
    """This idempotency key was used before, with other parameters.

    Or it has paid an order, and its ``transaction`` was moved to another one since.
    """

    code = "idempotency_key_reused"


class UnsupportedFeature(DineroError, ValueError):
    """This gateway cannot do that; the message says why."""

    code = "unsupported_feature"


class NotSent(DineroError):
    """Nothing reached the gateway (proven); repeating is safe."""

    code = "not_sent"


class OutcomeUnknown(DineroError):
    """The request may have been carried out. Look the operation up; do not repeat it."""

    code = "outcome_unknown"

    def __str__(self) -> str:
        """Return the text, with the key of the operation that is to be looked up."""
        text, key = super().__str__(), getattr(self.operation, "key", "")
        if not key or key in text:
            return text
        return _("%(text)s Look up operation %(key)s.") % {"text": text, "key": key}


class NeedsAttention(DineroError):
    """The gateway's answer contradicts what was asked; a person must look before anything else."""

    code = "needs_attention"


class OperationClosed(DineroError):
    """This idempotency key's operation was closed by hand, or its charge given back by reconcile.

    It has no result, and gets none.
    """

    code = "operation_closed"


class GatewayError(DineroError):
    """The gateway answered with a refusal. ``gateway_code`` is its own code."""

    code = "gateway_error"


class AuthenticationError(GatewayError):
    """The gateway does not accept our credentials."""

    code = "authentication_failed"


class NotPermittedError(GatewayError):
    """The account may not make this call; others work. Its settings at the gateway decide."""

    code = "not_permitted"


class GatewayUnavailableError(GatewayError):
    """The gateway or its processor is in trouble and did nothing; the same key may try again."""

    code = "gateway_unavailable"


class CardDeclinedError(GatewayError):
    """The issuer or the gateway declined the card."""

    code = "card_declined"


class AVSError(CardDeclinedError):
    """The billing address does not match the issuer's."""

    code = "avs_mismatch"


class CVVError(CardDeclinedError):
    """The card verification value is wrong or missing."""

    code = "cvv_mismatch"


class AVSAndCVVError(AVSError, CVVError):
    """Address and card verification value were both refused."""

    code = "avs_and_cvv_mismatch"


class InvalidCardError(GatewayError):
    """The card number, bank account or token is not usable."""

    code = "invalid_card"


class ExpiryError(GatewayError):
    """The card is expired or its expiry date is impossible."""

    code = "invalid_expiry"


class InvalidAmountError(GatewayError):
    """The gateway does not accept this amount."""

    code = "invalid_amount"


class DuplicateTransactionError(GatewayError):
    """The gateway took the same charge a moment ago and refuses it this time.

    Also the base of :class:`OrderPaid`, which is refused here.
    """

    code = "duplicate_transaction"


class RefundError(GatewayError):
    """This cannot be refunded (now)."""

    code = "refund_refused"


class InvalidTransactionError(GatewayError):
    """The transaction is not in a state that allows this."""

    code = "invalid_transaction"


class HeldForReview(GatewayError):
    """Neither paid nor declined: the gateway holds it until somebody decides."""

    code = "held_for_review"


class ActionRequired(GatewayError):
    """Neither paid nor declined: the card's holder has to confirm it first (3-D Secure).

    ``next_action`` says how: send the holder there, then look the operation up. It is None where
    the gateway could not be asked for it again, and after a pickle, which must hold no secret.
    """

    code = "action_required"

    def __init__(
        self, message: str = "", *, next_action: NextAction | None = None, **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.next_action = next_action

    def _pickled_state(self) -> dict[str, Any]:
        # It holds a secret of the card's holder.
        return {**super()._pickled_state(), "next_action": None}


class CustomerNotFoundError(GatewayError):
    """The gateway has no such customer."""

    code = "customer_not_found"


class CardNotFoundError(GatewayError):
    """The gateway has no such card."""

    code = "card_not_found"


class DuplicateCustomerError(GatewayError):
    """The gateway has this customer already, as ``customer_id`` (empty if it did not say)."""

    code = "duplicate_customer"

    def __init__(self, message: str = "", *, customer_id: str = "", **context: Any) -> None:
        super().__init__(message, **context)
        self.customer_id = customer_id


class DuplicateCardError(GatewayError):
    """The gateway has this card already, as ``card_id`` (empty if it did not say)."""

    code = "duplicate_card"

    def __init__(self, message: str = "", *, card_id: str = "", **context: Any) -> None:
        super().__init__(message, **context)
        self.card_id = card_id


class CardLimitError(GatewayError):
    """The customer has as many cards as the gateway allows."""

    code = "card_limit"


# What we refuse ourselves is caught by the same name as the gateway's refusal of the same thing.
class OrderPaid(DuplicateTransactionError):
    """The order is paid already, whoever paid it and however long ago; nothing was sent."""

    code = "order_paid"


class InvalidCardInput(InvalidInput, InvalidCardError):
    """The card number was refused here, before anything was sent."""

    code = "invalid_card"


class InvalidExpiryInput(InvalidInput, ExpiryError):
    """The expiry date was refused here, before anything was sent."""

    code = "invalid_expiry"


class InvalidCVVInput(InvalidInput, CVVError):
    """The CVV was refused here, before anything was sent."""

    code = "invalid_cvv"


class InvalidAmountInput(InvalidInput, InvalidAmountError):
    """The amount was refused here, before anything was sent."""

    code = "invalid_amount"


def _rebuild(cls: type[DineroError], args: tuple[Any, ...]) -> Any:
    """Return an error of this class without calling its ``__init__``."""
    return cls.__new__(cls, *args)


def unexpected_keywords(unknown: set[str], accepted: set[str]) -> TypeError:
    """The error for misspelt keyword arguments, which lists the accepted ones."""
    close = [match for name in sorted(unknown) for match in get_close_matches(name, accepted, n=1)]
    meant = f" Did you mean {', '.join(map(repr, close))}?" if close else ""
    return TypeError(
        f"Unknown argument(s): {', '.join(sorted(unknown))}.{meant} "
        f"Accepted: {', '.join(sorted(accepted))}."
    )
