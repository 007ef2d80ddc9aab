"""createTransactionRequest about an earlier transaction, and updateHeldTransactionRequest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import Order, Verdict
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.codes import ReasonCode
from django_dinero.sandbox.dialects.authorizenet.messages import Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.results import Result, answer, reason_of, shown
from django_dinero.sandbox.dialects.authorizenet.settings import settings_of, window_of
from django_dinero.sandbox.dialects.authorizenet.wire import BadCard, last_4_of

_NO_NUMBER = ReasonCode(codes.ERROR, "33", "Credit card number is required.")
_EMPTY: Tree = {"transactionResponse": {}}


def _amount(tx: Node) -> Decimal | None:
    text = tx.value("amount").strip()
    return Decimal(text) if text else None


def _reference(tx: Node) -> str:
    """Return the id of the earlier transaction; 0, which replies have for none, is none."""
    text = tx.value("refTransId").strip()
    return text if text.strip("0") else ""


def _without_reference(bank: Bank) -> Answer:
    return answer(Result(codes.NO_REFERENCE), bank.account)


def followed(verdict: Verdict, ref_id: str, *, is_capture: bool = False) -> Result:
    """Return the result of a capture or a void: its transId is that of the original.

    Args:
        verdict: the bank's.
        ref_id: the id that was asked about.
        is_capture: whether it was to be captured.
    """
    row, reason = verdict.row, reason_of(verdict)
    if is_capture and verdict.reason is Reason.ALREADY_VOIDED:
        # 310 would say that the *void* had been done before.
        reason = codes.REASONS[Reason.NOT_FOUND]
    if reason.response != codes.APPROVED or row is None:
        return Result(reason, ref_id=ref_id, card=shown(row))
    return Result(
        reason,
        trans_id=row.id,
        ref_id=row.id,
        auth_code=row.auth_code,
        card=shown(row),
        amount=str(row.settled_amount or row.amount),
    )


def capture(bank: Bank, tx: Node, key: str) -> Answer:
    """Answer priorAuthCaptureTransaction: all of it without an amount."""
    ref_id = _reference(tx)
    if not ref_id:
        return _without_reference(bank)
    currency = tx.value("currencyCode")
    verdict = bank.capture(ref_id, _amount(tx), currency=currency, capture_key=key)
    return answer(followed(verdict, ref_id, is_capture=True), bank.account)


def void(bank: Bank, tx: Node, key: str) -> Answer:
    ref_id = _reference(tx)
    if not ref_id:
        return _without_reference(bank)
    return answer(followed(bank.void(ref_id, void_key=key), ref_id), bank.account)


def refund(bank: Bank, tx: Node, key: str) -> Answer:
    """Answer refundTransaction: linked to its charge, with the card's mask or the profile."""
    ref_id, amount = _reference(tx), _amount(tx)
    number = tx.value("payment", "creditCard", "cardNumber").strip()
    profile = tx.find("profile")
    if not ref_id:
        return _without_reference(bank)
    if tx.value("payment", "bankAccount", "accountNumber"):
        return answer(Result(codes.NO_ECHECK, ref_id=ref_id), bank.account)
    if profile is not None and tx.find("payment") is not None:
        raise Refused("E00090", body=_EMPTY)
    if profile is None and not number:
        return answer(Result(_NO_NUMBER, ref_id=ref_id), bank.account)
    if amount is None:
        reason = codes.REASONS[Reason.INVALID_AMOUNT]
        return answer(Result(reason, ref_id=ref_id), bank.account)
    try:
        last_4 = last_4_of(number) if number else ""
    except BadCard as error:
        return answer(Result(error.reason, ref_id=ref_id), bank.account)
    window = window_of(settings_of(tx))
    verdict = bank.refund(
        ref_id,
        amount,
        currency=tx.value("currencyCode"),
        last_4=last_4,
        customer_id=tx.value("profile", "customerProfileId"),
        card_id=tx.value("profile", "paymentProfile", "paymentProfileId"),
        operation_key=key,
        order=Order(
            invoice=tx.value("order", "invoiceNumber"),
            description=tx.value("order", "description"),
            customer_ip=tx.value("customerIP"),
            purchase_order=tx.value("poNumber"),
        ),
        duplicate_window=window,
    )
    if verdict.reason is Reason.REFUND_WRONG_CARD and profile is not None:
        raise Refused("E00051", body=_EMPTY)
    # As with a charge: only a window that was sent makes the refusal name the original.
    return answer(refunded(verdict, ref_id, tell_original=window is not None), bank.account)


def refunded(verdict: Verdict, ref_id: str, *, tell_original: bool) -> Result:
    """Return the result of a refund.

    Args:
        verdict: the bank's.
        ref_id: the id that was asked about.
        tell_original: whether the duplicate window was sent with the request.
    """
    row, reason = verdict.row, reason_of(verdict)
    if verdict.reason is Reason.DUPLICATE and tell_original and row is not None:
        return Result(reason, trans_id=row.id, ref_id=ref_id, card=shown(row))
    if verdict.reason is not None or row is None:
        return Result(reason, ref_id=ref_id, card=shown(row))
    return Result(
        reason,
        trans_id=row.id,
        ref_id=ref_id,
        card=shown(row),
        amount=str(row.amount),
    )


#: transactionType → what answers it.
FOLLOW_UPS: Mapping[str, Callable[[Bank, Node, str], Answer]] = MappingProxyType(
    {
        "priorAuthCaptureTransaction": capture,
        "voidTransaction": void,
        "refundTransaction": refund,
    }
)


def update_held(bank: Bank, request: Node) -> Answer:
    """Answer updateHeldTransactionRequest. A decline that succeeds has responseCode 2."""
    held = request.find("heldTransactionRequest") or request
    ref_id = held.value("refTransId")
    verdict = bank.decide_review(ref_id, approve=held.value("action") == "approve")
    row = verdict.row
    if verdict.reason is not None or row is None:
        return answer(followed(verdict, ref_id), bank.account)
    approved = row.status is not RemoteStatus.DECLINED
    reason = codes.APPROVAL if approved else codes.REASONS[Reason.DECLINED]
    result = Result(
        reason,
        trans_id=row.id,
        ref_id=row.id,
        auth_code=row.auth_code,
        avs=row.avs.value,
        cvv=row.cvv.value,
        card=shown(row),
        amount=str(row.amount),
    )
    # The review was done either way: Ok, where a declined payment would be an Error.
    return Answer({"transactionResponse": result.tree(bank.account)})
