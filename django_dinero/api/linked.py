"""What is shown with a row that a verb has just written: a replica may not have it yet."""

from __future__ import annotations

from django.db.models import Prefetch, prefetch_related_objects

from django_dinero.db.queries import primary
from django_dinero.models import CreditCard, Customer, Transaction


def with_links(row: Transaction) -> Transaction:
    """Return a transaction with its customer, card and original, of the primary database."""
    prefetch_related_objects(
        [row],
        Prefetch("customer", primary(Customer)),
        Prefetch("card", primary(CreditCard)),
        Prefetch("parent", primary(Transaction)),
    )
    return row


def with_cards(customer: Customer) -> Customer:
    """Return a customer with the cards that the primary database has by now."""
    customer.forget_cards()
    prefetch_related_objects([customer], Prefetch("cards", primary(CreditCard)))
    return customer
