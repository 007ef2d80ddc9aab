"""Enumerations that models, services, gateways and the test bank share.

They do not use Django, because the test bank runs without it. Labels for people are in the models.
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
    #: Neither paid nor declined: the cardholder has to do something first (3-D Secure).
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
    #: The gateway did not process it: a bad amount, a wrong state, or trouble of its own.
    FAILED = "failed"
    #: The cardholder has to do something first (3-D Secure).
    REQUIRES_ACTION = "requires_action"


class NextActionKind(StrEnum):
    """How the cardholder gets to the page where something has to be done."""

    #: The cardholder's browser is sent to a page of the gateway or the bank.
    REDIRECT = "redirect"
    #: The gateway's script in the cardholder's browser gets a secret and does the rest.
    CLIENT_SECRET = "client_secret"  # noqa: S105 - its name


class ReasonKind(StrEnum):
    """Why a gateway refused. Each value is the ``code`` of an exception class."""

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
    NOT_PERMITTED = "not_permitted"
    UNAVAILABLE = "gateway_unavailable"
    GATEWAY_ERROR = "gateway_error"
