"""What a shop's worker does with customers and cards."""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import transaction

from django_dinero.models import CreditCard, Customer
from tests.faults import asking, picks
from tests.faults.asked import CARD, NUMBERS, Asked


class Stored(Asked):
    """The verbs on what the gateway stores."""

    # -- Customers -------------------------------------------------------------------------------

    def store(self) -> Customer:
        """Store a customer with a card."""
        email = self._email()
        self.begin(email=email)
        return Customer.create(email, **CARD, zip="80202")

    def store_again(self) -> Customer | None:
        """Delete a customer, and store the same one again."""
        customer = picks.customer(self.random)
        if customer is None:
            return None
        email = customer.email
        self.begin(customer, email=email)
        customer.delete()
        return Customer.create(email, **CARD, zip="80202")

    def create(self) -> Customer:
        """Store a customer without a card: the row is pushed after its commit."""
        customer = Customer(email=self._email(), first_name="No", last_name="Card")
        self.begin(email=customer.email, key=customer.customer_key)
        customer.save()
        return customer

    def edit(self) -> Customer:
        """Change a customer."""
        customer = picks.customer(self.random) or self._first()
        customer.email = self._email()
        self.begin(customer, email=customer.email)
        customer.save()
        return customer

    def edit_in_a_transaction(self) -> None:
        """Change a customer and a card in a transaction, which is rolled back now and then."""
        customer = picks.customer(self.random) or self._first()
        email, code, back = self._email(), self._zip(), self._now_and_then(0.4)
        self.begin(customer, email=email, zip=code, rolled_back=back)
        with contextlib.suppress(asking.ChangedMyMindError), transaction.atomic():
            customer.email = email
            customer.save()
            for card in customer.cards.all()[:1]:
                card.zip = code
                card.save()
            if back:
                raise asking.ChangedMyMindError

    def edit_in_bulk(self) -> None:
        """Change a customer past save(): it waits for a push."""
        customer, email = picks.customer(self.random) or self._first(), self._email()
        self.begin(customer, email=email)
        Customer.objects.filter(pk=customer.pk).update(email=email)

    def delete_customer(self) -> None:
        """Delete a customer, with or without cards, perhaps one whose creation is unknown."""
        customer = picks.anybody(self.random)
        if customer:
            self.begin(customer)
            customer.delete()

    # -- Cards -----------------------------------------------------------------------------------

    def add_card(self) -> CreditCard:
        """Store one more card."""
        customer = picks.customer(self.random) or self._first()
        is_default = self._now_and_then(0.4)
        values = {**CARD, "number": self.random.choice(NUMBERS), "zip": self._zip()}
        self.begin(customer, is_default=is_default, last_4=values["number"][-4:])
        return customer.add_card(**values, is_default=is_default)

    def edit_card(self) -> CreditCard | None:
        """Change a card, and make it the default now and then."""
        card = picks.card(self.random)
        if card is None:
            return None
        values: dict[str, Any] = {"zip": self._zip(), "month": self.random.randint(1, 12)}
        return self._changed(card, default=self._now_and_then(0.3), **values)

    def replace_number(self) -> CreditCard | None:
        """Give a card a new number, and make it the default now and then."""
        card = picks.card(self.random)
        if card is None:
            return None
        card.number = self.random.choice(NUMBERS)
        return self._changed(card, default=self._now_and_then(0.4))

    def make_default(self) -> CreditCard | None:
        """Make another card the default."""
        card = picks.card(self.random, default_of=None)
        return self._changed(card, default=True) if card else None

    def make_default_in_a_transaction(self) -> None:
        """Make another card the default in a transaction, which is rolled back now and then."""
        card = picks.card(self.random, default_of=None)
        if card is None:
            return
        back = self._now_and_then(0.4)
        with contextlib.suppress(asking.ChangedMyMindError), transaction.atomic():
            self._changed(card, default=True, rolled_back=back)
            if back:
                raise asking.ChangedMyMindError

    def delete_card(self) -> None:
        """Delete a card."""
        self._delete(picks.card(self.random))

    def replace_card(self) -> CreditCard | None:
        """Delete a card, and store the same one again."""
        card = picks.card(self.random)
        if card is None:
            return None
        owner, digits = card.customer, card.last_4
        number = next((n for n in NUMBERS if n.endswith(digits)), CARD["number"])
        self.begin(card)
        card.delete()
        return owner.add_card(**{**CARD, "number": number, "zip": card.zip})

    def delete_default(self) -> None:
        """Delete a default card, best of a customer that has others."""
        several = picks.card(self.random, default_of=None)
        owner = {"default_of": several.customer_pk} if several else {"default_of__gt": 0}
        self._delete(picks.card(self.random, **owner))

    def _delete(self, card: CreditCard | None) -> None:
        if card:
            self.begin(card)
            card.delete()

    def _changed(
        self, card: CreditCard, *, default: bool, rolled_back: bool = False, **values: Any
    ) -> CreditCard:
        told = {"new_number": True} if card.number else {}
        self.begin(card, make_default=default, rolled_back=rolled_back, **values, **told)
        for name, value in values.items():
            setattr(card, name, value)
        if default:
            card.is_default = True
        card.save()
        return card
