"""Factories for test rows, made with factory-boy. No gateway is called and nothing is pushed.

The rows count as synced, as if they had just been pulled, but no gateway knows them. For a card
that can be charged, call ``Customer.create(...)`` with a test bank.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from django_dinero.enums import TransactionKind
from django_dinero.identifiers import new_key
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.models.operation import LOCKING_STATES, OperationKind, OperationState
from django_dinero.models.synced import SyncedModel
from django_dinero.models.transaction_status import TransactionStatus

__all__ = ["CreditCardFactory", "CustomerFactory", "OperationFactory", "TransactionFactory"]

SyncedT = TypeVar("SyncedT", bound=SyncedModel)


class SyncedFactory(DjangoModelFactory[SyncedT]):
    """Writes rows as a pull does, without ``save()``, its checks and its signals."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[SyncedT], *args: Any, **kwargs: Any) -> SyncedT:
        row = model_class(*args, **kwargs)
        # Bookkeeping values passed by the caller win (a row that waits to be pushed).
        bookkeeping = {**row.synced_bookkeeping(), "synced_version": row.version}
        for name in bookkeeping.keys() - kwargs.keys():
            setattr(row, name, bookkeeping[name])
        cls._get_manager(model_class).bulk_create([row])
        return row


class CustomerFactory(SyncedFactory[Customer]):
    """A customer that is stored at the gateway, without cards."""

    class Meta:
        model = Customer

    gateway_name = "default"
    customer_id = factory.Sequence(lambda n: f"C{n:09}")
    email = factory.Sequence(lambda n: f"customer{n}@example.com")
    first_name = "Ann"
    last_name = "Example"


class CreditCardFactory(SyncedFactory[CreditCard]):
    """A stored card, with a customer of its own unless one is given.

    ``is_default=True`` makes it the customer's default card. Month and year may lie in the past.
    """

    class Meta:
        model = CreditCard

    class Params:
        is_default = False

    customer = factory.SubFactory(CustomerFactory)
    gateway_name = factory.SelfAttribute("customer.gateway_name")
    customer_id = factory.SelfAttribute("customer.customer_id")
    card_id = factory.Sequence(lambda n: f"P{n:09}")
    last_4 = "1111"
    brand = "visa"
    month = 12
    year = factory.LazyFunction(lambda: timezone.now().year + 2)
    first_name = "Ann"
    last_name = "Example"
    address = "1 Main Street"
    city = "Indianapolis"
    state = "IN"
    zip = "46201"
    country = "US"
    default_of = factory.LazyAttribute(lambda row: row.customer.pk if row.is_default else None)


class TransactionFactory(DjangoModelFactory[Transaction]):
    """An approved charge. Traits: ``authorization``, ``settled``, ``declined``, ``held``,
    ``capture``, ``void``, ``refund`` (the last three with an original of their own).

    Pass ``card`` for the charge of a stored card: customer, ids and last digits follow from it.
    """

    class Meta:
        model = Transaction

    class Params:
        authorization = factory.Trait(kind=TransactionKind.AUTHORIZATION)
        settled = factory.Trait(status=TransactionStatus.SETTLED)
        declined = factory.Trait(status=TransactionStatus.DECLINED, reason="card_declined")
        held = factory.Trait(status=TransactionStatus.HELD, reason="held_for_review")
        capture = factory.Trait(
            kind=TransactionKind.CAPTURE,
            parent=factory.SubFactory(f"{__name__}.TransactionFactory", authorization=True),
        )
        void = factory.Trait(
            kind=TransactionKind.VOID,
            parent=factory.SubFactory(
                f"{__name__}.TransactionFactory", status=TransactionStatus.VOIDED
            ),
        )
        refund = factory.Trait(
            kind=TransactionKind.REFUND,
            parent=factory.SubFactory(f"{__name__}.TransactionFactory", settled=True),
        )

    gateway_name = "default"
    transaction_id = factory.Sequence(lambda n: f"T{n:09}")
    operation_key = factory.LazyFunction(new_key)
    kind = TransactionKind.CHARGE
    status = TransactionStatus.APPROVED
    price = Decimal("12.50")
    currency = "USD"
    card = None
    customer = factory.LazyAttribute(lambda row: row.card.customer if row.card else None)
    customer_id = factory.LazyAttribute(
        lambda row: (row.customer.customer_id or "") if row.customer else ""
    )
    card_id = factory.LazyAttribute(lambda row: row.card.card_id if row.card else "")
    last_4 = factory.LazyAttribute(lambda row: row.card.last_4 if row.card else "1111")
    brand = factory.LazyAttribute(lambda row: row.card.brand if row.card else "visa")


class OperationFactory(DjangoModelFactory[Operation]):
    """A charge's row in the journal, ended; another ``state`` may leave it open."""

    class Meta:
        model = Operation

    key = factory.LazyFunction(new_key)
    kind = OperationKind.CHARGE
    gateway_name = "default"
    state = OperationState.SUCCEEDED
    amount = Decimal("12.50")
    currency = "USD"
    lock_name = factory.LazyAttribute(lambda row: f"test:{row.key}")
    held_lock = factory.LazyAttribute(
        lambda row: row.lock_name if row.state in LOCKING_STATES and row.lock_name else None
    )
