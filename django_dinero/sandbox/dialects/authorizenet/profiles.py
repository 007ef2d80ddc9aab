"""Profiles made while paying, and from an earlier payment."""

from __future__ import annotations

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason
from django_dinero.sandbox.bank.records import (
    BankRefusal,
    Customer,
    LedgerRow,
    NewCard,
    Order,
    PaidCard,
)
from django_dinero.sandbox.dialects.authorizenet.cards import refusal
from django_dinero.sandbox.dialects.authorizenet.messages import MESSAGES, Answer, Refused
from django_dinero.sandbox.dialects.authorizenet.parse import Node
from django_dinero.sandbox.dialects.authorizenet.reply import Tree
from django_dinero.sandbox.dialects.authorizenet.vault import NO_LISTS, new_customer_tree

_NEVER_STORED = (RemoteStatus.DECLINED, RemoteStatus.FAILED)


def _create(bank: Bank, row: LedgerRow, order: Order, description: str = "") -> Customer:
    return bank.create_customer(
        key=order.customer_reference,
        email=order.email,
        description=description,
        cards=[NewCard(PaidCard(row.id))],
    )


def _order_of(row: LedgerRow) -> Order:
    return Order(customer_reference=row.customer_reference, email=row.email)


def _nothing_known(order: Order) -> bool:
    return not (order.customer_reference or order.email)


def _made(customer: Customer) -> Tree:
    """A ``profileResponse``: the ids, without the checks that its type has no place for."""
    ids = dict(new_customer_tree(customer, []))
    del ids["validationDirectResponseList"]
    return {"messages": _messages("I00001", MESSAGES["I00001"]), **ids}


def _messages(code: str, text: str) -> Tree:
    result = "Ok" if code.startswith("I") else "Error"
    return {"resultCode": result, "message": [{"code": code, "text": text}]}


def _not_made(error: BankRefusal) -> Tree:
    found = refusal(error)
    return {"messages": _messages(found.code, _text(error, found.text))}


def _text(error: BankRefusal, text: str) -> str:
    if error.reason is Reason.DUPLICATE_CUSTOMER:
        return f"A duplicate record with ID {error.existing_id} already exists."
    return text


def profile_tree(bank: Bank, row: LedgerRow | None) -> Tree | None:
    """Store what an approved payment was made with; return its ``profileResponse``.

    A profile that cannot be made does not undo the payment: the messages say so.
    """
    if row is None:
        return None
    order = _order_of(row)
    if _nothing_known(order):
        return {"messages": _messages("E00102", MESSAGES["E00102"])}
    try:
        return _made(_create(bank, row, order))
    except BankRefusal as error:
        return _not_made(error)


def from_transaction(bank: Bank, request: Node) -> Answer:
    """Answer createCustomerProfileFromTransactionRequest: a new customer, or one more card."""
    try:
        row = bank.retrieve_transaction(request.value("transId"))
    except BankRefusal:
        raise Refused("E00099", body=NO_LISTS) from None
    if row.customer_id or row.parent_id or row.status in _NEVER_STORED:
        raise Refused("E00103", body=NO_LISTS)
    customer_id = request.value("customerProfileId")
    try:
        if customer_id:
            card = NewCard(PaidCard(row.id), is_default=request.flag("defaultPaymentProfile"))
            stored = bank.add_card(customer_id, card)
            tree = dict(new_customer_tree(bank.customer(customer_id), []))
            tree |= {
                "customerPaymentProfileIdList": {"numericString": [stored.id]},
                "customerShippingAddressIdList": {},
            }
            return Answer(tree)
        return Answer(new_customer_tree(_new_customer(bank, request, row), []))
    except BankRefusal as error:
        found = refusal(error, bank.account.max_cards)
        raise Refused(found.code, _text(error, found.text), NO_LISTS) from None


def _new_customer(bank: Bank, request: Node, row: LedgerRow) -> Customer:
    """The customer that the request names, else the one that the transaction names."""
    known = _order_of(row)
    order = Order(
        customer_reference=request.value("customer", "merchantCustomerId")
        or known.customer_reference,
        email=request.value("customer", "email") or known.email,
    )
    description = request.value("customer", "description")
    if _nothing_known(order) and not description:
        raise Refused("E00102", body=NO_LISTS)
    return _create(bank, row, order, description)
