"""What type checkers are told of a row: mypy reads this file, and refuses it where it is wrong."""

from __future__ import annotations

from typing import assert_type

from django_dinero.models import CreditCard, Customer, Transaction


def typed(customer: Customer, card: CreditCard, transaction: Transaction) -> None:
    """Never called: each line is judged by the type checker alone."""
    assert_type(customer.customer_id, str | None)
    assert_type(customer.customer_key, str)
    assert_type(customer.cards[0], CreditCard)
    assert_type(card.customer_id, str)
    assert_type(card.customer, Customer)
    assert_type(card.customer_pk, int)
    assert_type(transaction.transaction_id, str | None)
    assert_type(transaction.customer, Customer | None)
    assert_type(transaction.refund(), Transaction)
