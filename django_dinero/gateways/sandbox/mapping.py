"""The test bank's answers in the words of the gateway interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from django_dinero.cards import ADDRESS_FIELDS, Address
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.gateways.types import (
    Reason,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    TransactionResult,
)
from django_dinero.sandbox.bank import records
from django_dinero.sandbox.bank.enums import EntryKind

R, K = records.Reason, ReasonKind

#: What each refusal of the bank is for a caller.
KINDS: Mapping[records.Reason, tuple[ReasonKind, ...]] = {
    R.declined: (K.CARD_DECLINED,),
    R.avs: (K.AVS,),
    R.cvv: (K.CVV,),
    R.avs_and_cvv: (K.AVS, K.CVV),
    R.invalid_number: (K.INVALID_CARD,),
    R.expired: (K.EXPIRY,),
    R.invalid_amount: (K.INVALID_AMOUNT,),
    R.invalid_currency: (K.INVALID_AMOUNT,),
    R.duplicate: (K.DUPLICATE_TRANSACTION,),
    R.partial_approval: (K.CARD_DECLINED,),
    R.capture_exceeds_authorization: (K.INVALID_AMOUNT,),
    R.authorization_expired: (K.INVALID_TRANSACTION,),
    R.not_found: (K.INVALID_TRANSACTION,),
    R.not_capturable: (K.INVALID_TRANSACTION,),
    R.not_voidable: (K.INVALID_TRANSACTION,),
    R.not_refundable: (K.REFUND,),
    R.already_captured: (K.INVALID_TRANSACTION,),
    R.already_voided: (K.INVALID_TRANSACTION,),
    R.already_settled: (K.INVALID_TRANSACTION,),
    R.refund_not_settled: (K.REFUND,),
    R.refund_exceeds: (K.REFUND,),
    R.refund_wrong_card: (K.REFUND,),
    R.held: (K.HELD,),
    R.not_held: (K.INVALID_TRANSACTION,),
    R.customer_not_found: (K.CUSTOMER_NOT_FOUND,),
    R.card_not_found: (K.CARD_NOT_FOUND,),
    R.duplicate_customer: (K.DUPLICATE_CUSTOMER,),
    R.duplicate_card: (K.DUPLICATE_CARD,),
    R.card_limit: (K.CARD_LIMIT,),
    R.masked_mismatch: (K.INVALID_CARD,),
    R.missing_address: (K.INVALID_CARD,),
    R.token_invalid: (K.INVALID_CARD,),
    R.token_expired: (K.INVALID_CARD,),
    R.token_used: (K.INVALID_CARD,),
}

#: The same, for whoever reads it.
TEXTS: Mapping[records.Reason, str] = {
    R.declined: gettext_noop("The card was declined."),
    R.avs: gettext_noop("The address does not match that of the card's bank."),
    R.cvv: gettext_noop("The card verification value does not match."),
    R.avs_and_cvv: gettext_noop("Neither address nor card verification value match."),
    R.invalid_number: gettext_noop("The card number is invalid."),
    R.expired: gettext_noop("The card has expired."),
    R.invalid_amount: gettext_noop("A valid amount is required."),
    R.invalid_currency: gettext_noop("The account does not take this currency."),
    R.duplicate: gettext_noop("The same payment was made a moment ago."),
    R.partial_approval: gettext_noop("Only a part of the amount was approved; it was given back."),
    R.capture_exceeds_authorization: gettext_noop("More than was authorized cannot be captured."),
    R.authorization_expired: gettext_noop("The authorization has expired."),
    R.not_found: gettext_noop("The transaction cannot be found."),
    R.not_capturable: gettext_noop("This cannot be captured."),
    R.not_voidable: gettext_noop("This cannot be voided."),
    R.not_refundable: gettext_noop("This cannot be refunded."),
    R.already_captured: gettext_noop("This has been captured already."),
    R.already_voided: gettext_noop("This has been voided already."),
    R.already_settled: gettext_noop("The bank has settled this already."),
    R.refund_not_settled: gettext_noop("The bank has not settled this yet."),
    R.refund_exceeds: gettext_noop("More than was paid cannot be refunded."),
    R.refund_wrong_card: gettext_noop("This was paid with another card."),
    R.held: gettext_noop("The payment is held for review."),
    R.not_held: gettext_noop("The payment is not held for review."),
    R.customer_not_found: gettext_noop("The customer cannot be found."),
    R.card_not_found: gettext_noop("The card cannot be found."),
    R.duplicate_customer: gettext_noop("This customer exists already."),
    R.duplicate_card: gettext_noop("The customer has this card already."),
    R.card_limit: gettext_noop("The customer has as many cards as the bank allows."),
    R.masked_mismatch: gettext_noop("The masked number is not that of the stored card."),
    R.missing_address: gettext_noop("This card is checked by its address, give street and zip."),
    R.token_invalid: gettext_noop("The token is unknown."),
    R.token_expired: gettext_noop("The token has expired; enter the card again."),
    R.token_used: gettext_noop("The token was used before; enter the card again."),
}

#: Said of what a bank in memory may have known in a process before this one.
LOST = frozenset({R.customer_not_found, R.card_not_found, R.not_found})
MEMORY = gettext_noop(
    "This test bank is in memory: what an earlier process stored there is gone. Its option "
    "'store' gives it a file."
)

OUTCOMES: Mapping[records.Outcome, ResultStatus] = {
    records.Outcome.approved: ResultStatus.APPROVED,
    records.Outcome.partial: ResultStatus.DECLINED,
    records.Outcome.declined: ResultStatus.DECLINED,
    records.Outcome.held: ResultStatus.HELD,
    records.Outcome.failed: ResultStatus.FAILED,
}

_KINDS: Mapping[EntryKind, TransactionKind] = {
    EntryKind.charge: TransactionKind.CHARGE,
    EntryKind.authorization: TransactionKind.AUTHORIZATION,
    EntryKind.refund: TransactionKind.REFUND,
    EntryKind.validation: TransactionKind.AUTHORIZATION,
}


def reasons(reason: records.Reason | None, *, in_memory: bool = False) -> tuple[Reason, ...]:
    """Return a refusal of the bank as reasons; its text stands with the first."""
    if reason is None:
        return ()
    text = _(TEXTS[reason])
    if in_memory and reason in LOST:
        text = f"{text} {_(MEMORY)}"
    return tuple(
        Reason(kind, reason.value, text if index == 0 else "")
        for index, kind in enumerate(KINDS[reason])
    )


def card(stored: records.Card) -> RemoteCard:
    """Return a card of the vault."""
    return RemoteCard(
        customer_id=stored.customer_id,
        card_id=stored.id,
        last_4=stored.last_4,
        brand=stored.brand,
        month=stored.month,
        year=stored.year,
        address=Address(**{name: stored.billing.get(name, "") for name in ADDRESS_FIELDS}),
        is_default=stored.is_default,
    )


def customer(stored: records.Customer) -> RemoteCustomer:
    """Return a customer of the vault, with cards."""
    return RemoteCustomer(
        customer_id=stored.id,
        customer_key=stored.key,
        email=stored.email,
        first_name=stored.first_name,
        last_name=stored.last_name,
        cards=tuple(card(each) for each in stored.cards),
    )


def result(verdict: records.Verdict) -> TransactionResult:
    """Return the bank's answer to a money verb."""
    told = TransactionResult(
        OUTCOMES[verdict.outcome],
        avs=verdict.avs.value,
        cvv=verdict.cvv.value,
        reasons=reasons(verdict.reason),
        already=verdict.reason in (R.already_voided, R.already_captured),
    )
    entry = verdict.entry
    if entry is None:
        return told
    # The entry of a duplicate is the original's, that of a refused follow-up its target.
    return replace(
        told,
        transaction_id=entry.id,
        currency=entry.currency,
        auth_code=entry.auth_code,
        network_transaction_id=entry.network_transaction_id,
        last_4=entry.last_4,
        brand=entry.brand,
    )


def transaction(entry: records.Entry, *, kind: TransactionKind | None = None) -> RemoteTransaction:
    """Return a row of the bank's ledger.

    Args:
        entry: the row.
        kind: what it is seen as: a capture and a void are states of another row.
    """
    return RemoteTransaction(
        transaction_id=entry.id,
        kind=kind or _KINDS[entry.kind],
        status=RemoteStatus(entry.status.value),
        amount=entry.amount,
        currency=entry.currency,
        operation_key=entry.operation_key,
        settled_amount=entry.settled_amount,
        parent_id=entry.parent_id,
        customer_id=entry.customer_id,
        card_id=entry.card_id,
        last_4=entry.last_4,
        brand=entry.brand,
        auth_code=entry.auth_code,
        avs=entry.avs.value,
        cvv=entry.cvv.value,
        network_transaction_id=entry.network_transaction_id,
        submitted_at=entry.submitted_at,
        description=entry.description,
    )
