"""What one worker of the shop does: the verbs of its plan, until they are done or it is killed."""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import transaction

from django_dinero.exceptions import DineroError, NotSent, OperationInProgress, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Transaction
from tests.faults import picks
from tests.faults.telling import Telling

CARD: dict[str, Any] = {
    "number": "4111111111111111",
    "month": 12,
    "year": 2035,
    "address": "1 Elm St",
}
#: The test bank's zip code of a partial approval.
APPROVED_IN_PART = "46225"
NUMBERS = ("4007000000027", "4012888818888", "5424000000000015")


class ChangedMyMindError(Exception):
    """What rolls a transaction back."""


class Shop(Telling):
    """The verbs of a worker, each decided by the plan and by the rows that are there."""

    # -- Money -----------------------------------------------------------------------------------

    def charge(self) -> Transaction | None:
        """Charge or authorize, and as a shop does: again with the same key until it is clear."""
        customer = picks.customer(self.random) or self._first()
        key = f"{self.share.name}-order-{self._verb['n']}"
        price = f"{self.random.randint(100, 9999) / 100:.2f}"
        how: dict[str, Any] = {"settle": self._now_and_then(0.7), "idempotency_key": key}
        self.begin(customer, price=price, **how)
        failure: DineroError
        for _attempt in range(self.random.randint(1, 3)):
            try:
                return Transaction.create(price, customer=customer, **how)
            except (NotSent, OutcomeUnknown, OperationInProgress) as error:
                self.tell("attempt failed", code=error.code)
                failure = error
        raise failure

    def charge_part(self) -> Transaction:
        """Charge a guest of whose amount the issuer approves a part, which is given back."""
        price = f"{self.random.randint(200, 9999) / 100:.2f}"
        self.begin(price=price)
        return Transaction.create(price, **CARD, zip=APPROVED_IN_PART)

    def decide(self) -> Transaction | None:
        """Approve or decline what the bank holds."""
        row = picks.row(self.random, status="held")
        if row is None:
            return None
        yes = self._now_and_then(0.6)
        self.begin(row, approve=yes)
        return row.approve() if yes else row.decline()

    def capture(self) -> Transaction | None:
        """Capture a random authorization, all of it or a part."""
        row = picks.row(self.random, kind="authorization", status="approved")
        if row is None:
            return None
        part = f"{float(row.price) / 2:.2f}" if self._now_and_then(0.5) else None
        self.begin(row, part=part)
        return row.settle(part)

    def void(self) -> Transaction | None:
        """Void something."""
        row = picks.row(self.random, status="approved", kind__in=["charge", "authorization"])
        if row is None:
            return None
        self.begin(row)
        return row.void()

    def refund(self) -> Transaction | None:
        """Refund something, all of it or a part."""
        states, kinds = ["approved", "settled"], ["charge", "capture"]
        row = picks.row(self.random, status__in=states, kind__in=kinds)
        if row is None:
            return None
        part = "0.50" if self._now_and_then(0.5) else None
        self.begin(row, part=part)
        return row.refund(part)

    # -- Customers -------------------------------------------------------------------------------

    def store(self) -> Customer:
        """Store a customer with a card."""
        email = self._email()
        self.begin(email=email)
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
        with contextlib.suppress(ChangedMyMindError), transaction.atomic():
            customer.email = email
            customer.save()
            for card in customer.cards.all()[:1]:
                card.zip = code
                card.save()
            if back:
                raise ChangedMyMindError

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
        with contextlib.suppress(ChangedMyMindError), transaction.atomic():
            self._changed(card, default=True, rolled_back=back)
            if back:
                raise ChangedMyMindError

    def delete_card(self) -> None:
        """Delete a card."""
        self._delete(picks.card(self.random))

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

    # -- Made up ---------------------------------------------------------------------------------

    def _first(self) -> Customer:
        """A shop without a customer that has a card gets one."""
        email = self._email()
        self.begin(first=email)
        return Customer.create(email, **CARD, zip="80202")

    def _email(self) -> str:
        return f"{self.share.name}-{self.random.randrange(10**6)}@example.com"

    def _zip(self) -> str:
        return f"{self.random.randint(10000, 45000)}"

    def _now_and_then(self, probability: float) -> bool:
        return self.random.random() < probability
