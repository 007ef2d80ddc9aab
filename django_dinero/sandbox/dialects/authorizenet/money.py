"""createTransactionRequest: charges and authorizations. The rest is in :mod:`.followups`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django_dinero.cards import brand_of
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import (
    BankRefusal,
    Order,
    PlainCard,
    Token,
    VaultCard,
    Verdict,
)
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.codes import ReasonCode
from django_dinero.sandbox.dialects.authorizenet.followups import FOLLOW_UPS
from django_dinero.sandbox.dialects.authorizenet.messages import CODES, Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.profiles import profile_tree
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.results import NO_CARD, Result, Shown, answer, paid
from django_dinero.sandbox.dialects.authorizenet.settings import settings_of, window_of
from django_dinero.sandbox.dialects.authorizenet.wire import BadCard, billing_of, code_of, source_of

PAYMENTS = {"authCaptureTransaction": True, "authOnlyTransaction": False}
_EMPTY: Tree = {"transactionResponse": {}}
_UNKNOWN_PROFILE = "Customer Profile ID or Customer Payment Profile ID not found."
_NO_NUMBER = ReasonCode(codes.ERROR, "33", "Credit card number is required.")
_TEST = ReasonCode(codes.APPROVED, "1", f"(TESTMODE) {codes.APPROVAL.text}")


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it was asked for; ``window`` is the duplicate window in seconds, if sent."""

    amount: Decimal
    currency: str
    capture: bool
    key: str
    order: Order
    window: int | None
    test: bool


def create_transaction(bank: Bank, request: Node) -> Answer:
    """Answer createTransactionRequest.

    Raises:
        Refused: it was not approved.
    """
    tx = request.find("transactionRequest") or request
    kind = tx.value("transactionType")
    key = request.value("refId")
    if kind in FOLLOW_UPS:
        return FOLLOW_UPS[kind](bank, tx, key)
    if kind not in PAYMENTS:
        raise Refused("E00060")
    _refuse_conflicts(tx)
    payment = _payment(tx, key, capture=PAYMENTS[kind])
    try:
        return _pay(bank, tx, payment)
    except BadCard as error:
        return answer(Result(error.reason, card=_shown_number(tx)), bank.account)
    except BankRefusal as error:
        raise _refusal(error) from None


def _refuse_conflicts(tx: Node) -> None:
    """Refuse what excludes each other: stored and given payment data."""
    profile = tx.find("profile")
    if profile is None:
        return
    if profile.flag("createProfile"):
        if profile.find("customerProfileId") or profile.find("paymentProfile"):
            raise Refused("E00088", body=_EMPTY)
        if tx.find("payment") is None:
            raise Refused("E00089", body=_EMPTY)
        return
    if tx.find("payment") is not None:
        raise Refused("E00090", body=_EMPTY)
    if tx.find("billTo") is not None:
        raise Refused("E00093", body=_EMPTY)
    if tx.find("shipTo") is not None and profile.value("shippingProfileId"):
        raise Refused("E00092", body=_EMPTY)


def _payment(tx: Node, key: str, *, capture: bool) -> Payment:
    settings = settings_of(tx)
    amount = tx.value("amount").strip()
    return Payment(
        amount=Decimal(amount or 0),
        currency=tx.value("currencyCode"),
        capture=capture,
        key=key,
        order=order_of(tx),
        window=window_of(settings),
        test=settings.get("testRequest", "").lower() in ("true", "1"),
    )


def order_of(tx: Node) -> Order:
    """Return what the merchant says of a payment."""
    return Order(
        invoice=tx.value("order", "invoiceNumber"),
        description=tx.value("order", "description"),
        customer_ip=tx.value("customerIP"),
        customer_reference=tx.value("customer", "id"),
        email=tx.value("customer", "email"),
    )


def _pay(bank: Bank, tx: Node, payment: Payment) -> Answer:
    source = _source(tx)
    shown = _shown(bank, source)
    if payment.test:
        return answer(Result(_TEST, auth_code="000000", card=shown, test=True), bank.account)
    profile = tx.find("profile")
    creates = profile is not None and profile.flag("createProfile")
    verdict = charge(bank, source, payment)
    made = profile_tree(bank, verdict.row) if creates and verdict.approved else None
    result = paid(verdict, shown, tell_original=payment.window is not None)
    return answer(result, bank.account, profileResponse=made)


def charge(bank: Bank, source: PlainCard | Token | VaultCard, payment: Payment) -> Verdict:
    return bank.charge(
        source,
        payment.amount,
        operation_key=payment.key,
        order=payment.order,
        currency=payment.currency,
        duplicate_window=payment.window,
        capture=payment.capture,
        # This API has no step for 3-D Secure in it: a card that asks for it is declined.
        can_redirect=False,
    )


def _source(tx: Node) -> PlainCard | Token | VaultCard:
    profile, payment = tx.find("profile"), tx.find("payment")
    if profile is not None and not profile.flag("createProfile"):
        stored = profile.find("paymentProfile")
        return VaultCard(
            profile.value("customerProfileId"),
            profile.value("paymentProfile", "paymentProfileId"),
            code_of(stored) if stored is not None else None,
        )
    if payment is None:
        raise BadCard(_NO_NUMBER, "Card Number")
    return source_of(payment, billing_of(tx.find("billTo")))


def _shown(bank: Bank, source: PlainCard | Token | VaultCard) -> Shown:
    if isinstance(source, PlainCard):
        number = source.number.reveal()
        return Shown(number[-4:], brand_of(number))
    if isinstance(source, VaultCard) and source.card_id:
        card = bank.card(source.customer_id, source.card_id)
        return Shown(card.last_4, card.brand)
    return NO_CARD


def _shown_number(tx: Node) -> Shown:
    number = tx.value("payment", "creditCard", "cardNumber").strip()
    if number.isascii() and number.isdigit():
        return Shown(number[-4:], brand_of(number))
    return NO_CARD


def _refusal(error: BankRefusal) -> Refused:
    code = CODES[error.reason]
    unknown = error.reason in (Reason.CUSTOMER_NOT_FOUND, Reason.CARD_NOT_FOUND)
    return Refused(code, _UNKNOWN_PROFILE if unknown else "", _EMPTY)
