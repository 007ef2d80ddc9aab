"""The words of the test bank: reasons, kinds, states, letters."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why the bank refused."""

    declined = "declined"
    avs = "avs"
    cvv = "cvv"
    avs_and_cvv = "avs_and_cvv"
    invalid_number = "invalid_number"
    expired = "expired"
    invalid_amount = "invalid_amount"
    invalid_currency = "invalid_currency"
    duplicate = "duplicate"
    #: Only a part of the amount was approved: the entry has it, and the caller voids it.
    partial_approval = "partial_approval"
    capture_exceeds_authorization = "capture_exceeds_authorization"
    authorization_expired = "authorization_expired"
    not_found = "not_found"
    not_capturable = "not_capturable"
    not_voidable = "not_voidable"
    not_refundable = "not_refundable"
    already_captured = "already_captured"
    already_voided = "already_voided"
    already_settled = "already_settled"
    refund_not_settled = "refund_not_settled"
    refund_exceeds = "refund_exceeds"
    refund_wrong_card = "refund_wrong_card"
    not_settled = "not_settled"
    held = "held"
    not_held = "not_held"
    customer_not_found = "customer_not_found"
    card_not_found = "card_not_found"
    duplicate_customer = "duplicate_customer"
    duplicate_card = "duplicate_card"
    card_limit = "card_limit"
    #: A masked card whose last four digits are not those of the stored one.
    masked_mismatch = "masked_mismatch"
    #: A check that authorizes nothing asks for the address, and there is none.
    missing_address = "missing_address"
    token_invalid = "token_invalid"  # noqa: S105
    token_expired = "token_expired"  # noqa: S105
    token_used = "token_used"  # noqa: S105


class EntryKind(StrEnum):
    """What an entry of the ledger is. A capture is a state of its authorization, not an entry."""

    charge = "charge"
    authorization = "authorization"
    refund = "refund"
    #: The authorization of nothing, voided at once, that a live check of a card leaves behind.
    validation = "validation"


class Outcome(StrEnum):
    """How a money verb ended. ``partial`` is no success: less was approved than was asked for."""

    approved = "approved"
    partial = "partial"
    declined = "declined"
    held = "held"
    failed = "failed"


class Validation(StrEnum):
    """How a card is checked before the vault stores it: not at all, its form, or with its bank.

    ``addressed`` is ``live`` as Authorize.Net does it: a card that can be authorized for nothing
    must come with street and zip.
    """

    none = "none"
    test = "test"
    live = "live"
    addressed = "addressed"


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
