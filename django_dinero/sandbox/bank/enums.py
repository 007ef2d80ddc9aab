"""The bank's enumerations. Their values are stored, and answered over the control address."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why the bank refused."""

    DECLINED = "declined"
    AVS = "avs"
    CVV = "cvv"
    AVS_AND_CVV = "avs_and_cvv"
    INVALID_NUMBER = "invalid_number"
    EXPIRED = "expired"
    INVALID_AMOUNT = "invalid_amount"
    #: Nothing was to be authorized, which this card's network does not do.
    ZERO_AMOUNT = "zero_amount"
    INVALID_CURRENCY = "invalid_currency"
    DUPLICATE = "duplicate"
    #: Only a part of the amount was approved. The row has it, and the caller voids it.
    PARTIAL_APPROVAL = "partial_approval"
    CAPTURE_EXCEEDS_AUTHORIZATION = "capture_exceeds_authorization"
    AUTHORIZATION_EXPIRED = "authorization_expired"
    NOT_FOUND = "not_found"
    NOT_CAPTURABLE = "not_capturable"
    NOT_VOIDABLE = "not_voidable"
    NOT_REFUNDABLE = "not_refundable"
    ALREADY_CAPTURED = "already_captured"
    ALREADY_VOIDED = "already_voided"
    ALREADY_SETTLED = "already_settled"
    REFUND_NOT_SETTLED = "refund_not_settled"
    REFUND_EXCEEDS = "refund_exceeds"
    REFUND_WRONG_CARD = "refund_wrong_card"
    NOT_SETTLED = "not_settled"
    HELD = "held"
    NOT_HELD = "not_held"
    #: The card's holder has to do something first (3-D Secure).
    ACTION_REQUIRED = "action_required"
    #: Nothing is expected from the card's holder.
    NO_ACTION = "no_action"
    CUSTOMER_NOT_FOUND = "customer_not_found"
    CARD_NOT_FOUND = "card_not_found"
    DUPLICATE_CUSTOMER = "duplicate_customer"
    DUPLICATE_CARD = "duplicate_card"
    CARD_LIMIT = "card_limit"
    ADDRESS_NOT_FOUND = "address_not_found"
    DUPLICATE_ADDRESS = "duplicate_address"
    #: A masked card whose last four digits are not those of the stored one.
    MASKED_MISMATCH = "masked_mismatch"
    #: A check that authorizes nothing needs an address, and there is none.
    MISSING_ADDRESS = "missing_address"
    TOKEN_INVALID = "token_invalid"  # noqa: S105
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_USED = "token_used"  # noqa: S105


class RowKind(StrEnum):
    """What a ledger row is. A capture is a state of its authorization and has no row."""

    CHARGE = "charge"
    AUTHORIZATION = "authorization"
    #: Money taken on an approval that was given elsewhere, by telephone for instance.
    CAPTURE_ONLY = "capture_only"
    #: Money given back for a payment, or as a credit without one.
    REFUND = "refund"
    #: What a live check of a card leaves behind: an authorization, voided at once.
    VALIDATION = "validation"


class Outcome(StrEnum):
    """How a money verb ended. ``partial`` is no success, since less was approved than asked for."""

    APPROVED = "approved"
    PARTIAL = "partial"
    DECLINED = "declined"
    HELD = "held"
    REQUIRES_ACTION = "requires_action"
    FAILED = "failed"


class Validation(StrEnum):
    """How a card is checked before it is stored: not at all, by its form, or with its bank.

    ``addressed`` is ``live`` as Authorize.Net does it: a card that is checked with 0.00 must come
    with street and zip.
    """

    NONE = "none"
    TEST = "test"
    LIVE = "live"
    ADDRESSED = "addressed"


class Check(StrEnum):
    """The letters of the address and card code checks, as US processors answer them.

    Address: A street only, B not given, E error, G bank abroad, N no match, P not applicable,
    R retry, S not supported, U unavailable, W 9-digit zip only, X street and 9-digit zip, Y street
    and 5-digit zip, Z 5-digit zip only. Card code: M match, N no match, P not processed, S should
    be on the card but was not given, U issuer unable.
    """

    A = "A"
    B = "B"
    E = "E"
    G = "G"
    M = "M"
    N = "N"
    P = "P"
    R = "R"
    S = "S"
    U = "U"
    W = "W"
    X = "X"
    Y = "Y"
    Z = "Z"
