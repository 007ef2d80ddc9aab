"""What goes in and what is shown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from django_dinero.api.fields import (
    AmountField,
    PlainTextField,
    SecretField,
    StrictSerializer,
)
from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.money import normalise
from django_dinero.services.validation import check_email


class AddressInput(StrictSerializer):
    """Name and address on a card."""

    first_name = PlainTextField()
    last_name = PlainTextField()
    company = PlainTextField()
    address = PlainTextField()
    city = PlainTextField()
    state = PlainTextField()
    zip = PlainTextField()
    country = PlainTextField()
    phone = PlainTextField()
    fax = PlainTextField()


class CardUpdate(AddressInput):
    """What can be changed on a stored card."""

    # Not blank: the gateway keeps the date that it has, and the row would forget it.
    month = PlainTextField(allow_blank=False)
    year = PlainTextField(allow_blank=False)
    is_default = serializers.BooleanField(required=False)


class NewCard(CardUpdate):
    """A card to store: a number or a token."""

    month = PlainTextField()
    year = PlainTextField()
    number = SecretField()
    token = SecretField()
    cvv = SecretField()


class CustomerUpdate(StrictSerializer):
    """What can be changed on a customer."""

    email = PlainTextField()
    first_name = PlainTextField()
    last_name = PlainTextField()

    def validate_email(self, email: str) -> str:
        """Return the address, by the rule of the service that stores customers."""
        return check_email(email, required=True)


class NewCustomer(AddressInput):
    """A customer to store, with a first card where there is a number or a token."""

    email = PlainTextField()
    number = SecretField()
    token = SecretField()
    cvv = SecretField()
    month = PlainTextField()
    year = PlainTextField()


class NewCustomerByStaff(NewCustomer):
    """The same, at a gateway of one's choice."""

    gateway_name = PlainTextField()


class NewCharge(StrictSerializer):
    """A charge or an authorization of a stored card."""

    price = AmountField()
    settle = serializers.BooleanField(required=False)
    currency = PlainTextField()
    cvv = SecretField()
    order_reference = PlainTextField()
    description = PlainTextField()
    customer_ip = PlainTextField()


class NewChargeByStaff(NewCharge):
    """The same, also without the cardholder being there."""

    initiator = PlainTextField()


class FollowUp(StrictSerializer):
    """A capture or a refund: of everything, or of ``amount``."""

    amount = AmountField(required=False)
    description = PlainTextField()


class Nothing(StrictSerializer):
    """A void takes no arguments but a description."""

    description = PlainTextField()


# -- Shown -----------------------------------------------------------------------------------------


class CardShown(serializers.ModelSerializer[CreditCard]):
    """A stored card."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    customer = serializers.UUIDField(source="customer.public_id", read_only=True)
    is_default = serializers.BooleanField(read_only=True)

    class Meta:
        model = CreditCard
        fields = (
            *("id", "customer", "gateway_name", "customer_id", "card_id", "last_4", "brand"),
            *("month", "year", *ADDRESS_FIELDS, "is_default", "sync_state", "created_at"),
        )
        read_only_fields = fields


class CustomerShown(serializers.ModelSerializer[Customer]):
    """A customer with cards."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    cards = serializers.SerializerMethodField()

    class Meta:
        model = Customer
        fields = (
            *("id", "gateway_name", "customer_id", "email", "first_name", "last_name"),
            *("cards", "sync_state", "created_at"),
        )
        read_only_fields = fields

    def get_cards(self, customer: Customer) -> list[Any]:
        """Return the cards, from the prefetched ones where there are."""
        return [CardShown(card).data for card in customer.cards.all()]


class TransactionShown(serializers.ModelSerializer[Transaction]):
    """A row of the books, as a cardholder sees it: without what the checks of the card said."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    price = serializers.SerializerMethodField()
    parent = serializers.SerializerMethodField()  # type: ignore[assignment]
    customer = serializers.UUIDField(source="customer.public_id", default=None, read_only=True)
    card = serializers.UUIDField(source="card.public_id", default=None, read_only=True)

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = (
            *("id", "gateway_name", "transaction_id", "kind", "status", "price", "currency"),
            *("parent", "customer", "card", "customer_id", "card_id", "last_4", "brand"),
            *("auth_code", "order_reference", "description", "created_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_parent(self, row: Transaction) -> str | None:
        """Return the public id of the charge that this one follows."""
        return str(row.parent.public_id) if row.parent else None

    def get_price(self, row: Transaction) -> str:
        """Return the amount with the decimals of its currency."""
        return str(normalise(Decimal(row.price), row.currency))


class TransactionShownToStaff(TransactionShown):
    """A row of the books with the gateway's own words."""

    class Meta(TransactionShown.Meta):
        fields = (
            *TransactionShown.Meta.fields,
            *("avs", "cvv", "reason", "gateway_code", "gateway_text"),
        )
        read_only_fields = fields


class OperationShown(serializers.ModelSerializer[Operation]):
    """An entry of the journal: how a request ended."""

    id = serializers.CharField(source="key", read_only=True)
    transaction = serializers.SerializerMethodField()
    customer = serializers.SerializerMethodField()

    class Meta:
        model = Operation
        fields = ("id", "kind", "state", "transaction", "customer", "created_at", "updated_at")
        read_only_fields = fields

    def get_transaction(self, operation: Operation) -> str | None:
        """Return the public id of the row that it made, None while there is none."""
        return _id_of(Transaction.objects.filter(operation_key=operation.key))

    def get_customer(self, operation: Operation) -> str | None:
        """Return the public id of the customer that it created, None while there is none."""
        key = operation.intent.get("customer_key", "")
        return _id_of(
            Customer.objects.filter(gateway_name=operation.gateway_name, customer_key=key)
        )


def _id_of(rows: QuerySet[Any]) -> str | None:
    found = rows.values_list("public_id", flat=True).first()
    return str(found) if found else None
