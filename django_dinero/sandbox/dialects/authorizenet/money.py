"""createTransactionRequest: what needs a card. What follows a payment is in :mod:`.followups`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from types import MappingProxyType

from django_dinero.card_numbers import brand_of
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason, RowKind
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
from django_dinero.sandbox.dialects.authorizenet.settings import is_test, settings_of, window_of
from django_dinero.sandbox.dialects.authorizenet.unserved import transaction_type_text
from django_dinero.sandbox.dialects.authorizenet.wire import BadCard, billing_of, code_of, source_of

#: transactionType → what is asked for.
PAYMENTS: Mapping[str, RowKind] = MappingProxyType(
    {
        "authCaptureTransaction": RowKind.CHARGE,
        "authOnlyTransaction": RowKind.AUTHORIZATION,
        "captureOnlyTransaction": RowKind.CAPTURE_ONLY,
        # With a refTransId it follows a payment.
        "refundTransaction": RowKind.REFUND,
    }
)
_EMPTY: Tree = {"transactionResponse": {}}
_UNKNOWN_PROFILE = "Customer Profile ID or Customer Payment Profile ID not found."
_NO_NUMBER = ReasonCode(codes.ERROR, "33", "Credit card number is required.")
#: An older API named the currency so; as a field of the merchant's own it still does.
CURRENCY_FIELD = "x_currency_code"
#: As many digits of a card are shown, and stand for it in a refund.
LAST_DIGITS = 4
_TEST = ReasonCode(codes.APPROVED, "1", f"(TESTMODE) {codes.APPROVAL.text}")


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as it was asked for; ``window`` is the duplicate window in seconds, if sent."""

    kind: RowKind
    amount: Decimal
    key: str
    order: Order
    currency: str = ""
    window: int | None = None
    test: bool = False
    auth_code: str = ""


def create_transaction(bank: Bank, request: Node) -> Answer:
    """Answer createTransactionRequest; its ``userFields`` come back in either case.

    Raises:
        Refused: it was not approved.
    """
    tx = request.find("transactionRequest") or request
    fields = user_fields(tx)
    try:
        told = _answer(bank, tx, request.value("refId"))
    except Refused as refused:
        body = _with_fields(refused.body, fields)
        raise Refused(refused.code, refused.text, body) from None
    return replace(told, body=_with_fields(told.body, fields))


def user_fields(tx: Node) -> Tree | None:
    """Return what the merchant gave for himself, None where it is nothing."""
    given = tx.find("userFields")
    fields: list[Tree] = [
        {child.name: child.text for child in field}
        for field in (given.all("userField") if given is not None else ())
    ]
    return {"userField": fields} if fields else None


def _field(tx: Node, wanted: str) -> str:
    """Return the value of one of the merchant's own fields, empty where it is not there."""
    given = tx.find("userFields")
    fields = given.all("userField") if given is not None else []
    return next((f.value("value") for f in fields if f.value("name") == wanted), "")


def _with_fields(body: Tree, fields: Tree | None) -> Tree:
    response = body.get("transactionResponse")
    if not fields or not isinstance(response, Mapping) or not response:
        return body
    return {**body, "transactionResponse": {**response, "userFields": fields}}


def _answer(bank: Bank, tx: Node, key: str) -> Answer:
    kind = tx.value("transactionType")
    if kind in FOLLOW_UPS and not (kind in PAYMENTS and _is_credit(tx)):
        return FOLLOW_UPS[kind](bank, tx, key)
    if kind not in PAYMENTS:
        raise Refused("E00060", transaction_type_text(kind))
    _refuse_conflicts(tx)
    payment = _payment(tx, key, PAYMENTS[kind])
    if payment.kind is RowKind.CAPTURE_ONLY and not payment.auth_code:
        return answer(Result(codes.NO_AUTH_CODE, card=_shown_number(tx)), bank.account)
    try:
        return _pay(bank, tx, payment)
    except BadCard as error:
        result = Result(error.reason, card=_shown_number(tx), also=error.also)
        return answer(result, bank.account)
    except BankRefusal as error:
        raise unknown_card(error, _EMPTY) from None


def _is_credit(tx: Node) -> bool:
    """Say whether a refund names no payment and says where the money goes all the same."""
    if tx.value("refTransId"):
        return False
    number = tx.value("payment", "creditCard", "cardNumber").strip()
    # A mask or four digits stand for the card of a payment, and there is none.
    whole = len(number) > LAST_DIGITS and number.isascii() and number.isdigit()
    token = tx.value("payment", "opaqueData", "dataValue")
    return bool(whole or token or tx.value("profile", "customerProfileId"))


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


def _payment(tx: Node, key: str, kind: RowKind) -> Payment:
    settings = settings_of(tx)
    amount = tx.value("amount").strip()
    return Payment(
        kind=kind,
        # None is no amount of any kind, where 0 may be authorized.
        amount=Decimal(amount or -1),
        key=key,
        order=order_of(tx),
        currency=tx.value("currencyCode") or _field(tx, CURRENCY_FIELD),
        window=window_of(settings),
        test=is_test(settings),
        auth_code=tx.value("authCode"),
    )


def order_of(tx: Node) -> Order:
    """Return what the merchant says of a payment."""
    return Order(
        invoice=tx.value("order", "invoiceNumber"),
        description=tx.value("order", "description"),
        customer_ip=tx.value("customerIP"),
        customer_reference=tx.value("customer", "id"),
        email=tx.value("customer", "email"),
        purchase_order=tx.value("poNumber"),
        customer_type=tx.value("customer", "type"),
    )


def _pay(bank: Bank, tx: Node, payment: Payment) -> Answer:
    source = _source(tx)
    shown = _shown(bank, source)
    ship_to(bank, source, tx.value("profile", "shippingProfileId"))
    if payment.test:
        return answer(in_test_mode(shown), bank.account)
    profile = tx.find("profile")
    creates = profile is not None and profile.flag("createProfile")
    verdict = charge(bank, source, payment)
    made = profile_tree(bank, verdict.row) if creates and verdict.approved else None
    result = paid(verdict, shown, tell_original=payment.window is not None)
    return answer(result, bank.account, profileResponse=made)


def in_test_mode(shown: Shown) -> Result:
    """Return the result of a payment of which nothing is kept."""
    return Result(_TEST, auth_code="000000", card=shown, test=True)


def charge(bank: Bank, source: PlainCard | Token | VaultCard, payment: Payment) -> Verdict:
    """Let the bank do what was asked for.

    Raises:
        BankRefusal: there is no such card.
    """
    # This API has no step for 3-D Secure in it: a card that asks for it is declined.
    verbs: Mapping[RowKind, Callable[..., Verdict]] = {
        RowKind.CHARGE: partial(bank.charge, can_redirect=False),
        RowKind.AUTHORIZATION: partial(bank.authorize, can_redirect=False),
        RowKind.CAPTURE_ONLY: partial(bank.capture_only, auth_code=payment.auth_code),
        RowKind.REFUND: bank.credit,
    }
    return verbs[payment.kind](
        source,
        payment.amount,
        operation_key=payment.key,
        order=payment.order,
        currency=payment.currency,
        duplicate_window=payment.window,
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


def ship_to(
    bank: Bank, source: PlainCard | Token | VaultCard, address_id: str
) -> Mapping[str, str]:
    """Return a stored shipping address, empty where none is named.

    Raises:
        BankRefusal: the customer has no such address.
    """
    if not address_id:
        return {}
    customer_id = source.customer_id if isinstance(source, VaultCard) else ""
    return bank.address(customer_id, address_id).fields


def unknown_card(error: BankRefusal, body: Tree) -> Refused:
    """Return the refusal of a payment that names what the bank does not have."""
    if error.reason is Reason.ADDRESS_NOT_FOUND:
        return Refused("E00098", body=body)
    code = CODES[error.reason]
    unknown = error.reason in (Reason.CUSTOMER_NOT_FOUND, Reason.CARD_NOT_FOUND)
    return Refused(code, _UNKNOWN_PROFILE if unknown else "", body)
