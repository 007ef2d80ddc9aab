"""Profiles made while paying, and from an earlier payment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from threading import Lock

from django_dinero.sandbox.authorizenet.parse import Node
from django_dinero.sandbox.authorizenet.reply import Tree
from django_dinero.sandbox.authorizenet.texts import TEXTS, Answer, Refused
from django_dinero.sandbox.authorizenet.vault import NO_LISTS, new_customer_tree
from django_dinero.sandbox.authorizenet.vaultcards import refusal
from django_dinero.sandbox.bank import Bank
from django_dinero.sandbox.records import (
    BankRefusal,
    Customer,
    Entry,
    NewCard,
    Order,
    Outcome,
    PlainCard,
    Reason,
    Token,
    VaultCard,
    Verdict,
)

MOST_RECENT = 256


class Recent:
    """The cards that this process was paid with lately, their codes left out.

    The bank's ledger keeps no numbers, so that only these can become profiles later.
    """

    def __init__(self) -> None:
        self._cards: OrderedDict[str, PlainCard] = OrderedDict()
        self._lock = Lock()

    def remember(self, transaction_id: str, card: PlainCard) -> None:
        """Keep a card, and forget the oldest one when there are too many."""
        with self._lock:
            self._cards[transaction_id] = replace(card, cvv=None)
            if len(self._cards) > MOST_RECENT:
                self._cards.popitem(last=False)

    def card(self, transaction_id: str) -> PlainCard | None:
        """Return the card of a transaction, None if it is not known any more."""
        with self._lock:
            return self._cards.get(transaction_id)


def _create(bank: Bank, source: PlainCard | Token, order: Order, description: str = "") -> Customer:
    card = NewCard(source, source.billing)
    return bank.create_customer(
        key=order.customer_reference, email=order.email, description=description, cards=[card]
    )


def _nothing_known(order: Order) -> bool:
    return not (order.customer_reference or order.email)


def _existing(bank: Bank, order: Order) -> str:
    """Return the id of the customer that a new one would be a duplicate of, empty for none."""
    wanted = (order.customer_reference, order.email, "")
    for customer in bank.customers(key=order.customer_reference, email=order.email):
        if (customer.key, customer.email, customer.description) == wanted:
            return customer.id
    return ""


def _made(customer: Customer) -> Tree:
    """A ``profileResponse``: the ids, without the checks that its type has no place for."""
    ids = dict(new_customer_tree(customer, []))
    del ids["validationDirectResponseList"]
    return {"messages": _messages("I00001", TEXTS["I00001"]), **ids}


def _messages(code: str, text: str) -> Tree:
    result = "Ok" if code.startswith("I") else "Error"
    return {"resultCode": result, "message": [{"code": code, "text": text}]}


def _not_made(error: BankRefusal) -> Tree:
    found = refusal(error)
    return {"messages": _messages(found.code, _words(error, found.text))}


def _words(error: BankRefusal, text: str) -> str:
    if error.reason is Reason.duplicate_customer:
        return f"A duplicate record with ID {error.existing_id} already exists."
    return text


def profile_tree(bank: Bank, source: PlainCard | Token, order: Order) -> Tree:
    """Store what an approved payment was made with; return its ``profileResponse``.

    A profile that cannot be made does not undo the payment: the messages say so.
    """
    if _nothing_known(order):
        return {"messages": _messages("E00102", TEXTS["E00102"])}
    try:
        return _made(_create(bank, source, order))
    except BankRefusal as error:
        return _not_made(error)


def store_and_charge(
    bank: Bank, token: Token, order: Order, charge: Callable[[Token | VaultCard], Verdict]
) -> tuple[Verdict, Tree | None]:
    """Pay with a token and store its card.

    A token is good for one use, so the card is stored first, and removed if it was declined.

    Args:
        bank: where both happens.
        token: of the browser's form.
        order: says who the customer is.
        charge: takes the money.

    Raises:
        BankRefusal: the token is not good.
    """
    if _nothing_known(order):
        return charge(token), {"messages": _messages("E00102", TEXTS["E00102"])}
    existing = _existing(bank, order)
    if existing:
        # Looked up before: a refused customer would cost the token.
        refused = BankRefusal(Reason.duplicate_customer, existing_id=existing)
        return charge(token), _not_made(refused)
    customer = _create(bank, token, order)
    verdict = charge(VaultCard(customer.id, customer.cards[0].id))
    if verdict.outcome in (Outcome.declined, Outcome.failed):
        bank.delete_customer(customer.id)
        return verdict, None
    return verdict, _made(customer)


def from_transaction(bank: Bank, request: Node, recent: Recent) -> Answer:
    """Answer createCustomerProfileFromTransactionRequest: a new customer, or one more card."""
    transaction_id = request.value("transId")
    try:
        entry = bank.retrieve_transaction(transaction_id)
    except BankRefusal:
        raise Refused("E00099", body=NO_LISTS) from None
    card = recent.card(transaction_id)
    if card is None:
        raise Refused("E00103", body=NO_LISTS)
    customer_id = request.value("customerProfileId")
    try:
        if customer_id:
            is_default = request.flag("defaultPaymentProfile")
            stored = bank.add_card(customer_id, NewCard(card, card.billing, is_default))
            tree = dict(new_customer_tree(bank.customer(customer_id), []))
            tree["customerPaymentProfileIdList"] = {"numericString": [stored.id]}
            return Answer(tree)
        return Answer(new_customer_tree(_new_customer(bank, request, entry, card), []))
    except BankRefusal as error:
        found = refusal(error)
        raise Refused(found.code, _words(error, found.text), NO_LISTS) from None


def _new_customer(bank: Bank, request: Node, entry: Entry, card: PlainCard) -> Customer:
    """The customer that the request names, else the one that the transaction names."""
    order = Order(
        customer_reference=request.value("customer", "merchantCustomerId")
        or entry.customer_reference,
        email=request.value("customer", "email") or entry.email,
    )
    description = request.value("customer", "description")
    if _nothing_known(order) and not description:
        raise Refused("E00102", body=NO_LISTS)
    return _create(bank, card, order, description)
