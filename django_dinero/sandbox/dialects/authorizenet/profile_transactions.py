"""createCustomerProfileTransactionRequest: the older way to charge a stored card.

Its replies tell how it ended by a ``directResponse`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from urllib.parse import parse_qsl

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import RowKind
from django_dinero.sandbox.bank.records import BankRefusal, LedgerRow, Order, VaultCard
from django_dinero.sandbox.dialects.authorizenet import codes, direct_response
from django_dinero.sandbox.dialects.authorizenet.direct_response import Style, transaction_line
from django_dinero.sandbox.dialects.authorizenet.followups import followed, refunded
from django_dinero.sandbox.dialects.authorizenet.messages import Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.money import (
    Payment,
    charge,
    in_test_mode,
    ship_to,
    unknown_card,
)
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.results import Result, Shown, paid
from django_dinero.sandbox.dialects.authorizenet.settings import is_test, window_of
from django_dinero.sandbox.dialects.authorizenet.wire import BadCard, code_of, last_4_of

#: The kinds that take a stored card → what is asked for.
_PAYMENTS: Mapping[str, RowKind] = MappingProxyType(
    {
        "profileTransAuthCapture": RowKind.CHARGE,
        "profileTransAuthOnly": RowKind.AUTHORIZATION,
        "profileTransCaptureOnly": RowKind.CAPTURE_ONLY,
        "profileTransRefund": RowKind.REFUND,
    }
)
#: What the line calls each kind.
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "profileTransAuthCapture": "auth_capture",
        "profileTransAuthOnly": "auth_only",
        "profileTransCaptureOnly": "capture_only",
        "profileTransPriorAuthCapture": "prior_auth_capture",
        "profileTransRefund": "credit",
        "profileTransVoid": "void",
    }
)
#: extraOptions → the transactionSettings that say the same.
_SETTINGS: Mapping[str, str] = MappingProxyType(
    {"x_duplicate_window": "duplicateWindow", "x_test_request": "testRequest"}
)
_CDATA = ("<![CDATA[", "]]>")


@dataclass(frozen=True, slots=True)
class _Call:
    """What was asked: ``tx`` is the element of the kind, ``key`` the request's refId."""

    bank: Bank
    tx: Node
    key: str
    options: Mapping[str, str]

    @property
    def settings(self) -> dict[str, str]:
        return {theirs: self.options.get(ours, "") for ours, theirs in _SETTINGS.items()}

    @property
    def customer_id(self) -> str:
        return self.tx.value("customerProfileId")

    @property
    def card_id(self) -> str:
        return self.tx.value("customerPaymentProfileId")

    @property
    def amount(self) -> str:
        return self.tx.value("amount").strip()


def create_profile_transaction(bank: Bank, request: Node) -> Answer:
    """Answer createCustomerProfileTransactionRequest.

    Raises:
        Refused: it was not approved.
    """
    transaction = request.find("transaction") or request
    call = _Call(bank, next(iter(transaction)), request.value("refId"), _options(request))
    if call.tx.name == "profileTransRefund":
        return _refund(call)
    if call.tx.name in _PAYMENTS:
        return _pay(call)
    return _void(call) if call.tx.name == "profileTransVoid" else _capture(call)


def _options(request: Node) -> dict[str, str]:
    """Return ``extraOptions``, which are written as in the query of an address."""
    text = request.value("extraOptions").strip()
    for mark in _CDATA:
        text = text.replace(mark, "")
    return dict(parse_qsl(text, keep_blank_values=True))


# -- With a stored card ---------------------------------------------------------------------------


def _pay(call: _Call) -> Answer:
    bank = call.bank
    try:
        customer = bank.customer(call.customer_id)
        card = bank.card(call.customer_id, call.card_id)
        order = _order(call, customer.key, customer.email)
        source = VaultCard(call.customer_id, call.card_id, code_of(call.tx))
        shipping = ship_to(bank, source, call.tx.value("customerShippingAddressId"))
        result = _paid(call, source, order, Shown(card.last_4, card.brand))
    except BankRefusal as error:
        raise unknown_card(error, {}) from None
    told = {
        direct_response.INVOICE: order.invoice,
        direct_response.DESCRIPTION: order.description,
        direct_response.CUSTOMER: order.customer_reference,
        direct_response.EMAIL: order.email,
        **direct_response.shipping_fields(shipping),
        direct_response.TAX: call.tx.value("tax", "amount"),
        direct_response.DUTY: call.tx.value("duty", "amount"),
        direct_response.SHIPPING: call.tx.value("shipping", "amount"),
        direct_response.TAX_EXEMPT: call.tx.value("taxExempt").upper(),
        direct_response.PURCHASE_ORDER: order.purchase_order,
    }
    return _answer(call, result, told, card.billing)


def _order(call: _Call, customer_key: str, email: str) -> Order:
    return Order(
        invoice=call.tx.value("order", "invoiceNumber"),
        description=call.tx.value("order", "description"),
        customer_ip=call.options.get("x_customer_ip", ""),
        customer_reference=customer_key,
        email=email,
        purchase_order=call.tx.value("order", "purchaseOrderNumber"),
    )


def _paid(call: _Call, source: VaultCard, order: Order, shown: Shown) -> Result:
    kind, settings = _PAYMENTS[call.tx.name], call.settings
    payment = Payment(
        kind=kind,
        amount=Decimal(call.amount),
        key=call.key,
        order=order,
        window=window_of(settings),
        auth_code=call.tx.value("approvalCode"),
    )
    if kind is RowKind.CAPTURE_ONLY and not payment.auth_code:
        return Result(codes.NO_AUTH_CODE, card=shown)
    if is_test(settings):
        return in_test_mode(shown)
    verdict = charge(call.bank, source, payment)
    return paid(verdict, shown, tell_original=payment.window is not None)


# -- After a payment ------------------------------------------------------------------------------


def _original(call: _Call) -> LedgerRow:
    """Return the earlier transaction.

    Raises:
        Refused: there is none, or the profiles that were named did not pay it.
    """
    try:
        row = call.bank.retrieve_transaction(call.tx.value("transId"))
    except BankRefusal:
        raise Refused("E00040") from None
    if call.customer_id not in ("", row.customer_id) or call.card_id not in ("", row.card_id):
        raise Refused("E00051")
    return row


def _capture(call: _Call) -> Answer:
    row = _original(call)
    verdict = call.bank.capture(row.id, Decimal(call.amount), capture_key=call.key)
    return _followed(call, followed(verdict, row.id, is_capture=True), row)


def _void(call: _Call) -> Answer:
    row = _original(call)
    return _followed(call, followed(call.bank.void(row.id, void_key=call.key), row.id), row)


def _refund(call: _Call) -> Answer:
    """Give back what was paid, or without a ``transId`` money that nobody paid."""
    number = call.tx.value("creditCardNumberMasked")
    if call.tx.value("bankAccountNumberMasked"):
        return _answer(call, Result(codes.NO_ECHECK), {}, {})
    if not (number or (call.customer_id and call.card_id)):
        raise Refused("E00014")
    if not call.tx.value("transId"):
        without = Result(codes.NO_REFERENCE)
        return _answer(call, without, {}, {}) if number else _pay(call)
    row = _original(call)
    try:
        last_4 = last_4_of(number) if number else ""
    except BadCard as error:
        return _followed(call, Result(error.reason), row)
    window = window_of(call.settings)
    verdict = call.bank.refund(
        row.id,
        Decimal(call.amount),
        last_4=last_4,
        operation_key=call.key,
        order=_order(call, row.customer_reference, row.email),
        duplicate_window=window,
    )
    return _followed(call, refunded(verdict, row.id, tell_original=window is not None), row)


def _followed(call: _Call, result: Result, row: LedgerRow) -> Answer:
    done = result.reason.code == codes.APPROVAL.code
    if not done and result.reason.response == codes.APPROVED:
        # It had been done before: this older line names no transaction then.
        result = replace(result, trans_id="0", auth_code="")
    told = {
        direct_response.INVOICE: row.invoice if done else "",
        direct_response.CUSTOMER: row.customer_reference if done else "",
    }
    return _answer(call, result, told, {})


# -- The reply ------------------------------------------------------------------------------------


def _answer(
    call: _Call, result: Result, told: Mapping[int, str], billing: Mapping[str, str]
) -> Answer:
    style = Style(call.options.get("x_delim_char") or ",", call.options.get("x_encap_char", ""))
    fields = {
        direct_response.TYPE: _WORDS[call.tx.name],
        direct_response.AMOUNT: f"{Decimal(call.amount or 0):.2f}",
        **told,
    }
    body = {"directResponse": transaction_line(result, fields, billing, style)}
    if result.reason.response in (codes.DECLINED, codes.ERROR):
        raise Refused("E00027", result.reason.text, body)
    return Answer(body)
