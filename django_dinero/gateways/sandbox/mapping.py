"""Between the gateway interface and the test bank: cards on their way in, answers on theirs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from django_dinero import user_messages
from django_dinero.cards import ADDRESS_FIELDS, Address, CardDetails, PaymentToken
from django_dinero.enums import (
    NextActionKind,
    ReasonKind,
    RemoteStatus,
    ResultStatus,
    TransactionKind,
)
from django_dinero.gateways.types import (
    ChargeRequest,
    NextAction,
    Reason,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
)
from django_dinero.redaction import Secret
from django_dinero.sandbox.bank import ledger_rows, records
from django_dinero.sandbox.bank.enums import RowKind
from django_dinero.sandbox.bank.records import PlainCard, Token, VaultCard

R, K = records.Reason, ReasonKind

#: What each refusal of the bank is for a caller.
KINDS: Mapping[records.Reason, tuple[ReasonKind, ...]] = {
    R.DECLINED: (K.CARD_DECLINED,),
    R.AVS: (K.AVS,),
    R.CVV: (K.CVV,),
    R.AVS_AND_CVV: (K.AVS, K.CVV),
    R.INVALID_NUMBER: (K.INVALID_CARD,),
    R.EXPIRED: (K.EXPIRY,),
    R.INVALID_AMOUNT: (K.INVALID_AMOUNT,),
    R.ZERO_AMOUNT: (K.INVALID_AMOUNT,),
    R.INVALID_CURRENCY: (K.INVALID_AMOUNT,),
    R.DUPLICATE: (K.DUPLICATE_TRANSACTION,),
    R.PARTIAL_APPROVAL: (K.CARD_DECLINED,),
    R.CAPTURE_EXCEEDS_AUTHORIZATION: (K.INVALID_AMOUNT,),
    R.AUTHORIZATION_EXPIRED: (K.INVALID_TRANSACTION,),
    R.NOT_FOUND: (K.INVALID_TRANSACTION,),
    R.NOT_CAPTURABLE: (K.INVALID_TRANSACTION,),
    R.NOT_VOIDABLE: (K.INVALID_TRANSACTION,),
    R.NOT_REFUNDABLE: (K.REFUND,),
    R.ALREADY_CAPTURED: (K.INVALID_TRANSACTION,),
    R.ALREADY_VOIDED: (K.INVALID_TRANSACTION,),
    R.ALREADY_SETTLED: (K.INVALID_TRANSACTION,),
    R.REFUND_NOT_SETTLED: (K.REFUND,),
    R.REFUND_EXCEEDS: (K.REFUND,),
    R.REFUND_WRONG_CARD: (K.REFUND,),
    R.HELD: (K.HELD,),
    R.ACTION_REQUIRED: (K.ACTION_REQUIRED,),
    R.NOT_HELD: (K.INVALID_TRANSACTION,),
    R.CUSTOMER_NOT_FOUND: (K.CUSTOMER_NOT_FOUND,),
    R.CARD_NOT_FOUND: (K.CARD_NOT_FOUND,),
    R.DUPLICATE_CUSTOMER: (K.DUPLICATE_CUSTOMER,),
    R.DUPLICATE_CARD: (K.DUPLICATE_CARD,),
    R.CARD_LIMIT: (K.CARD_LIMIT,),
    R.MASKED_MISMATCH: (K.INVALID_CARD,),
    R.MISSING_ADDRESS: (K.INVALID_CARD,),
    R.TOKEN_INVALID: (K.INVALID_CARD,),
    R.TOKEN_EXPIRED: (K.INVALID_CARD,),
    R.TOKEN_USED: (K.INVALID_CARD,),
}

#: What a bank in memory may have known in an earlier process.
LOST = frozenset({R.CUSTOMER_NOT_FOUND, R.CARD_NOT_FOUND, R.NOT_FOUND, R.TOKEN_INVALID})

OUTCOMES: Mapping[records.Outcome, ResultStatus] = {
    records.Outcome.APPROVED: ResultStatus.APPROVED,
    records.Outcome.PARTIAL: ResultStatus.DECLINED,
    records.Outcome.DECLINED: ResultStatus.DECLINED,
    records.Outcome.HELD: ResultStatus.HELD,
    records.Outcome.REQUIRES_ACTION: ResultStatus.REQUIRES_ACTION,
    records.Outcome.FAILED: ResultStatus.FAILED,
}

_KINDS: Mapping[RowKind, TransactionKind] = {
    RowKind.CHARGE: TransactionKind.CHARGE,
    RowKind.AUTHORIZATION: TransactionKind.AUTHORIZATION,
    RowKind.CAPTURE_ONLY: TransactionKind.CHARGE,
    RowKind.REFUND: TransactionKind.REFUND,
    RowKind.VALIDATION: TransactionKind.AUTHORIZATION,
}


def reasons(
    reason: records.Reason | None,
    *,
    also: tuple[records.Reason, ...] = (),
    in_memory: bool = False,
) -> tuple[Reason, ...]:
    """Return a refusal of the bank as reasons. The text of each stands with its first kind.

    Args:
        reason: why the bank refused, None if it did not.
        also: what else was wrong.
        in_memory: whether the bank forgets with its process, which the text tells then.
    """
    if reason is None:
        return ()
    told = [_told(each, in_memory=in_memory) for each in (reason, *also)]
    return tuple(one for each in told for one in each)


def _told(reason: records.Reason, *, in_memory: bool) -> tuple[Reason, ...]:
    text = str(user_messages.BANK[reason.value])
    if in_memory and reason in LOST:
        text = f"{text} {user_messages.BANK_IN_MEMORY}"
    return tuple(
        Reason(kind, reason.value, text if index == 0 else "")
        for index, kind in enumerate(KINDS[reason])
    )


def source_of(card: CardDetails | PaymentToken) -> PlainCard | Token:
    """Return a card or token as the bank takes it."""
    billing = {name: text for name, text in card.address.as_dict().items() if text}
    if isinstance(card, PaymentToken):
        return Token(card.value, billing)
    return PlainCard(card.number, card.month, card.year, card.cvv, billing)


def charged(request: ChargeRequest) -> PlainCard | Token | VaultCard:
    """Return what a charge is paid with as the bank takes it."""
    if isinstance(request.source, StoredCard):
        return VaultCard(request.source.customer_id, request.source.card_id, request.cvv)
    return source_of(request.source)


def card(stored: records.Card) -> RemoteCard:
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
    return RemoteCustomer(
        customer_id=stored.id,
        customer_key=stored.key,
        email=stored.email,
        first_name=stored.first_name,
        last_name=stored.last_name,
        cards=tuple(card(each) for each in stored.cards),
    )


def result(verdict: records.Verdict, *, in_memory: bool = False) -> TransactionResult:
    """Return the bank's answer to a money verb.

    Args:
        verdict: what the bank says.
        in_memory: as for :func:`reasons`.
    """
    told = TransactionResult(
        OUTCOMES[verdict.outcome],
        avs=verdict.avs.value,
        cvv=verdict.cvv.value,
        reasons=reasons(verdict.reason, also=verdict.also, in_memory=in_memory),
        already=verdict.reason in (R.ALREADY_VOIDED, R.ALREADY_CAPTURED),
        next_action=_next_action(verdict.action),
    )
    row = verdict.row
    if row is None:
        return told
    # A duplicate comes with the row of the original, a refused follow-up with that of its target.
    return replace(
        told,
        transaction_id=row.id,
        currency=row.currency,
        auth_code=row.auth_code,
        network_transaction_id=row.network_transaction_id,
        last_4=row.last_4,
        brand=row.brand,
    )


#: Statuses of what moved nothing.
_REFUSED = (RemoteStatus.DECLINED, RemoteStatus.FAILED)


def _next_action(action: records.Action | None) -> NextAction | None:
    if action is None:
        return None
    return NextAction(NextActionKind.REDIRECT, Secret(action.url), action.expires_at)


def transaction(
    row: records.LedgerRow, *, kind: TransactionKind | None = None
) -> RemoteTransaction:
    """Return a row of the bank's ledger.

    Args:
        row: the row.
        kind: what it stands for, where it differs: a capture or void is a state of another row.
    """
    return RemoteTransaction(
        transaction_id=row.id,
        kind=kind or _KINDS[row.kind],
        status=row.status,
        amount=row.amount,
        currency=row.currency,
        operation_key=row.operation_key,
        settled_amount=row.settled_amount,
        parent_id=row.parent_id,
        customer_id=row.customer_id,
        card_id=row.card_id,
        last_4=row.last_4,
        brand=row.brand,
        auth_code=row.auth_code,
        avs=row.avs.value,
        cvv=row.cvv.value,
        network_transaction_id=row.network_transaction_id,
        submitted_at=row.submitted_at,
        settled_at=row.settled_at,
        batch_id=row.batch_id if row.settled_at else "",
        description=row.description,
        next_action=_next_action(ledger_rows.action_of(row)),
        reasons=reasons(row.reason) if row.status in _REFUSED else (),
    )
