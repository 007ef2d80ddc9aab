"""What several do for one customer at the same moment, each with rows that it has read itself."""

from __future__ import annotations

import random

from django_dinero.models import CreditCard, Customer, Transaction


def charge(customer_pk: int, chance: random.Random) -> Transaction:
    """Charge the customer."""
    return Customer.objects.get(pk=customer_pk).charge(f"{chance.randint(100, 999) / 100:.2f}")


def refund(customer_pk: int, _chance: random.Random) -> Transaction | None:
    """Give the customer's last payment back."""
    paid = Transaction.objects.filter(customer_pk=customer_pk, kind="charge").order_by("pk").last()
    return paid.refund() if paid else None


def add_card(customer_pk: int, chance: random.Random) -> CreditCard:
    """Store one more card."""
    customer = Customer.objects.get(pk=customer_pk)
    return customer.add_card(
        number=chance.choice(("4007000000027", "5424000000000015")),
        month=chance.randint(1, 12),
        year=2036,
        zip=f"{chance.randint(10000, 45000)}",
        is_default=chance.random() < 0.5,
    )


def edit(customer_pk: int, chance: random.Random) -> Customer:
    """Change the e-mail address."""
    customer = Customer.objects.get(pk=customer_pk)
    customer.email = f"race-{chance.randrange(10**6)}@example.com"
    customer.save()
    return customer


def edit_card(customer_pk: int, chance: random.Random) -> CreditCard | None:
    """Change a card, and make it the default."""
    card = CreditCard.objects.filter(customer_pk=customer_pk).order_by("pk").last()
    if card is None:
        return None
    card.zip, card.is_default = f"{chance.randint(10000, 45000)}", True
    card.save()
    return card


def delete_card(customer_pk: int, _chance: random.Random) -> None:
    """Delete the newest card."""
    card = CreditCard.objects.filter(customer_pk=customer_pk).order_by("pk").last()
    if card is not None:
        card.delete()


RIVALS = (charge, charge, refund, add_card, edit, edit_card, delete_card)
