"""Transactions as the gateway's reporting calls show them.

The reporting calls need the *Transaction Details API* of the account (E00011 without it).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import codes, responses
from django_dinero.gateways.authorizenet.patience import PatientClient
from django_dinero.gateways.authorizenet.xml import at, text_at
from django_dinero.gateways.types import Reason, Refusal, RemoteTransaction

#: The thread's own may round to six digits.
_EXACT = Context(prec=28)
#: Where ``settleAmount`` is what was or will be settled; elsewhere it repeats the authorized sum.
_TAKEN = (
    RemoteStatus.CAPTURED,
    RemoteStatus.SETTLED,
    RemoteStatus.RETURNED,
    RemoteStatus.CHARGED_BACK,
)
_REFUSED: Mapping[RemoteStatus, ResultStatus] = {
    RemoteStatus.DECLINED: ResultStatus.DECLINED,
    RemoteStatus.FAILED: ResultStatus.FAILED,
}
#: What the bank has settled, whatever became of it.
_SETTLED = (RemoteStatus.SETTLED, RemoteStatus.RETURNED, RemoteStatus.CHARGED_BACK)


def fetch(client: PatientClient, transaction_id: str, currency: str) -> RemoteTransaction | Refusal:
    """Fetch one transaction; ``currency`` is the account's.

    Raises:
        OutcomeUnknown: the gateway answered with another transaction, or with a status that this
            release does not know.
    """
    reply = client.read("getTransactionDetails", {"transId": transaction_id})
    if not reply.ok:
        return reply.refusal(ReasonKind.INVALID_TRANSACTION)
    if text_at(reply.content, "transaction", "transId") != transaction_id:
        raise OutcomeUnknown(_("The gateway answered with another transaction."))
    return details(reply.content, currency)


def details(content: Mapping[str, Any], currency: str) -> RemoteTransaction:
    """Return the ``transaction`` of getTransactionDetails; ``currency`` is the account's."""
    found = at(content, "transaction")
    status = remote_status(text_at(found, "transactionStatus"))
    kind = codes.KINDS.get(text_at(found, "transactionType"), TransactionKind.CHARGE)
    authorized = amount(text_at(found, "authAmount"))
    settled = amount(text_at(found, "settleAmount"))
    key = text_at(found, "order", "invoiceNumber") or text_at(content, "transrefId")
    if status is RemoteStatus.SETTLED and at(found, "returnedItems"):
        status = RemoteStatus.RETURNED
    return RemoteTransaction(
        transaction_id=text_at(found, "transId"),
        kind=kind,
        status=status,
        amount=(settled if kind is TransactionKind.REFUND else authorized) or settled or Decimal(0),
        currency=currency,
        operation_key=key,
        settled_amount=settled if status in _TAKEN else None,
        parent_id=text_at(found, "refTransId"),
        customer_id=text_at(found, "profile", "customerProfileId"),
        card_id=text_at(found, "profile", "customerPaymentProfileId"),
        last_4=responses.account(found),
        brand=codes.brand(text_at(found, "payment", "creditCard", "cardType")),
        auth_code=text_at(found, "authCode"),
        avs=text_at(found, "AVSResponse"),
        cvv=text_at(found, "cardCodeResponse"),
        network_transaction_id=text_at(found, "networkTransId"),
        submitted_at=moment(text_at(found, "submitTimeUTC")),
        **_batch(found, status),
        description=text_at(found, "order", "description"),
        reasons=_reasons(found, status),
    )


def _reasons(found: Mapping[str, Any], status: RemoteStatus) -> tuple[Reason, ...]:
    outcome = _REFUSED.get(status)
    code = text_at(found, "responseReasonCode")
    # What failed after it was approved keeps the code of the approval.
    if outcome is None or code in ("", codes.APPROVED):
        return ()
    text = text_at(found, "responseReasonDescription")
    return codes.transaction_reasons(code, text, outcome)


def summary(found: Mapping[str, Any], currency: str) -> RemoteTransaction:
    """Return one transaction of a list call, which tells less than :func:`details`.

    Its kind follows from its status: a captured authorization shows as a charge.
    """
    word = text_at(found, "transactionStatus")
    status = remote_status(word)
    kind = TransactionKind.CHARGE
    if word.startswith("refund"):
        kind = TransactionKind.REFUND
    elif status is RemoteStatus.AUTHORIZED:
        kind = TransactionKind.AUTHORIZATION
    if status is RemoteStatus.SETTLED and text_at(found, "hasReturnedItems") == "true":
        status = RemoteStatus.RETURNED
    settled = amount(text_at(found, "settleAmount")) or Decimal(0)
    return RemoteTransaction(
        transaction_id=text_at(found, "transId"),
        kind=kind,
        status=status,
        amount=settled,
        currency=currency,
        operation_key=text_at(found, "invoiceNumber"),
        settled_amount=settled if status in _TAKEN else None,
        customer_id=text_at(found, "profile", "customerProfileId"),
        card_id=text_at(found, "profile", "customerPaymentProfileId"),
        last_4=responses.last_4(text_at(found, "accountNumber")),
        brand=codes.brand(text_at(found, "accountType")),
        submitted_at=moment(text_at(found, "submitTimeUTC")),
        **_batch(found, status),
    )


def _batch(found: Mapping[str, Any], status: RemoteStatus) -> dict[str, Any]:
    """Return when and in which batch it settled. What was declined or voided stands in one too."""
    if status not in _SETTLED:
        return {}
    return {
        "settled_at": moment(text_at(found, "batch", "settlementTimeUTC")),
        "batch_id": text_at(found, "batch", "batchId"),
    }


def is_captured_for(remote: RemoteTransaction, amount: Decimal | None) -> bool:
    """Say whether an authorization was captured for this amount, whatever came back since."""
    return remote.status in _TAKEN and remote.settled_amount == amount


def remote_status(word: str) -> RemoteStatus:
    """Return a ``transactionStatus`` in our words.

    Raises:
        OutcomeUnknown: a status that this release does not know; guessing would falsify ours.
    """
    status = codes.STATUSES.get(word)
    if status is None:
        raise OutcomeUnknown(
            _("The gateway gave an unknown transaction status (%(word)r).") % {"word": word[:60]}
        )
    return status


def amount(text: str) -> Decimal | None:
    """Return an amount in dollars with two decimals, None where there is none."""
    try:
        found = _EXACT.create_decimal(text).quantize(Decimal("0.01"), context=_EXACT)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def moment(text: str) -> datetime.datetime | None:
    """Return a ``submitTimeUTC``, with or without ``Z`` and fractions, as an aware datetime."""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
