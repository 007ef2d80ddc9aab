"""Words that the models, the services, the gateways and the test bank share.

Plain enumerations without Django: the test bank runs without it. The labels that people read are
in the models.
"""

from __future__ import annotations

from enum import StrEnum


class TransactionKind(StrEnum):
    """What a transaction does."""

    CHARGE = "charge"
    AUTHORIZATION = "authorization"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class RemoteStatus(StrEnum):
    """Where a transaction stands at the gateway."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    SETTLED = "settled"
    VOIDED = "voided"
    #: Under review: neither paid nor declined.
    HELD = "held"
    #: Neither paid nor declined: the card's holder has to do something first (3-D Secure).
    REQUIRES_ACTION = "requires_action"
    DECLINED = "declined"
    EXPIRED = "expired"
    RETURNED = "returned"
    CHARGED_BACK = "charged_back"
    FAILED = "failed"


class ResultStatus(StrEnum):
    """How a money verb ended at the gateway."""

    APPROVED = "approved"
    DECLINED = "declined"
    HELD = "held"
    #: The gateway could not or would not process it: bad amount, wrong state, its own trouble.
    FAILED = "failed"
    #: The card's holder has to do something first (3-D Secure).
    REQUIRES_ACTION = "requires_action"


class NextActionKind(StrEnum):
    """How the card's holder gets to what has to be done."""

    #: The holder's browser goes to an address of the gateway's or the bank's.
    REDIRECT = "redirect"
    #: The gateway's own script in the holder's browser takes a secret and does the rest.
    CLIENT_SECRET = "client_secret"  # noqa: S105 - its name


class ReasonKind(StrEnum):
    """Why a gateway refused; each value is the ``code`` of the exception a caller catches."""

    CARD_DECLINED = "card_declined"
    AVS = "avs_mismatch"
    CVV = "cvv_mismatch"
    INVALID_CARD = "invalid_card"
    EXPIRY = "invalid_expiry"
    INVALID_AMOUNT = "invalid_amount"
    DUPLICATE_TRANSACTION = "duplicate_transaction"
    REFUND = "refund_refused"
    INVALID_TRANSACTION = "invalid_transaction"
    HELD = "held_for_review"
    ACTION_REQUIRED = "action_required"
    CUSTOMER_NOT_FOUND = "customer_not_found"
    CARD_NOT_FOUND = "card_not_found"
    DUPLICATE_CUSTOMER = "duplicate_customer"
    DUPLICATE_CARD = "duplicate_card"
    CARD_LIMIT = "card_limit"
    AUTHENTICATION = "authentication_failed"
    GATEWAY_ERROR = "gateway_error"
