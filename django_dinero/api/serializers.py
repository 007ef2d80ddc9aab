"""What requests may hold, and what answers show."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from django_dinero.api.fields import (
    AmountField,
    PlainTextField,
    RowSerializer,
    SecretField,
    StrictSerializer,
)
from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.money import normalise
from django_dinero.services.validation import check_email

# -- Requests --------------------------------------------------------------------------------------


class AddressSerializer(StrictSerializer):
    """Name and address on a card; what a subclass declares comes after them."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add a text field for each of ``ADDRESS_FIELDS``."""
        address = {name: PlainTextField() for name in ADDRESS_FIELDS}
        return {**address, **super().get_fields()}


class CardUpdateSerializer(AddressSerializer):
    """What can be changed on a stored card."""

    # Not blank: the gateway keeps the date that it has, and the row would forget it.
    month = PlainTextField(allow_blank=False)
    year = PlainTextField(allow_blank=False)
    is_default = serializers.BooleanField(required=False)


class NewCardSerializer(CardUpdateSerializer):
    """A card to store: a number or a token."""

    month = PlainTextField()
    year = PlainTextField()
    number = SecretField()
    token = SecretField()
    cvv = SecretField()


class CustomerUpdateSerializer(StrictSerializer):
    """What can be changed on a customer."""

    email = PlainTextField()
    first_name = PlainTextField()
    last_name = PlainTextField()

    def validate_email(self, email: str) -> str:
        """Return the address, by the rule of the service that stores customers."""
        return check_email(email, required=True)


class NewCustomerSerializer(AddressSerializer):
    """A customer to store, with a first card where there is a number or a token."""

    email = PlainTextField()
    number = SecretField()
    token = SecretField()
    cvv = SecretField()
    month = PlainTextField()
    year = PlainTextField()


class StaffNewCustomerSerializer(NewCustomerSerializer):
    """Staff choose the gateway."""

    gateway_name = PlainTextField()


class NewChargeSerializer(StrictSerializer):
    """A charge or an authorization of a stored card."""

    price = AmountField()
    settle = serializers.BooleanField(required=False)
    currency = PlainTextField()
    cvv = SecretField()
    order_reference = PlainTextField()
    description = PlainTextField()
    customer_ip = PlainTextField()


class StaffNewChargeSerializer(NewChargeSerializer):
    """Staff may also charge while the cardholder is not there."""

    initiator = PlainTextField()


class FollowUpSerializer(StrictSerializer):
    """A capture or a refund: of everything, or of ``amount``."""

    amount = AmountField(required=False)
    description = PlainTextField()


class VoidSerializer(StrictSerializer):
    """A void takes no arguments but a description."""

    description = PlainTextField()


# -- Answers ---------------------------------------------------------------------------------------


class CardSerializer(RowSerializer[CreditCard]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    customer = serializers.UUIDField(source="customer.public_id", read_only=True)
    is_default = serializers.BooleanField(read_only=True)

    class Meta:
        model = CreditCard
        fields = (
            *(
                "id",
                "customer",
                "gateway_name",
                "live",
                "customer_id",
                "card_id",
                "last_4",
                "brand",
            ),
            *("month", "year", *ADDRESS_FIELDS, "is_default", "sync_state", "created_at"),
        )
        read_only_fields = fields


class CustomerSerializer(RowSerializer[Customer]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    # Declared, not made by a method: a list of customers builds its fields once, not once for each.
    cards = CardSerializer(many=True, read_only=True)

    class Meta:
        model = Customer
        fields = (
            *("id", "gateway_name", "live", "customer_id", "email", "first_name", "last_name"),
            *("cards", "sync_state", "created_at"),
        )
        read_only_fields = fields


class TransactionSerializer(RowSerializer[Transaction]):
    """A transaction as a cardholder sees it: without the results of AVS and CVV, or any reason."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    price = serializers.SerializerMethodField()
    parent = serializers.SerializerMethodField()  # type: ignore[assignment]
    customer = serializers.UUIDField(source="customer.public_id", default=None, read_only=True)
    card = serializers.UUIDField(source="card.public_id", default=None, read_only=True)

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = (
            *("id", "gateway_name", "live", "transaction_id", "kind", "status", "price"),
            *(
                "currency",
                "parent",
                "customer",
                "card",
                "customer_id",
                "card_id",
                "last_4",
                "brand",
            ),
            *("auth_code", "order_reference", "description", "created_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_parent(self, row: Transaction) -> str | None:
        """Return the public id of the charge that this one follows."""
        return str(row.parent.public_id) if row.parent else None

    def get_price(self, row: Transaction) -> str:
        """Return the amount with the decimals of its currency."""
        return str(normalise(Decimal(row.price), row.currency))


class StaffTransactionSerializer(TransactionSerializer):
    """A transaction with the results of the checks and the gateway's own words."""

    class Meta(TransactionSerializer.Meta):
        fields = (
            *TransactionSerializer.Meta.fields,
            *("avs", "cvv", "reason", "gateway_code", "gateway_text"),
        )
        read_only_fields = fields


class OperationSerializer(RowSerializer[Operation]):
    """An operation of the journal: how a request ended."""

    id = serializers.CharField(source="key", read_only=True)
    transaction = serializers.SerializerMethodField()
    customer = serializers.SerializerMethodField()

    class Meta:
        model = Operation
        fields = (
            *("id", "live", "kind", "state", "transaction", "customer"),
            *("created_at", "updated_at"),
        )
        read_only_fields = fields

    def get_transaction(self, operation: Operation) -> str | None:
        """Return the public id of the transaction that it made, None while there is none."""
        return _id_of(Transaction.objects.filter(operation_key=operation.key))

    def get_customer(self, operation: Operation) -> str | None:
        """Return the public id of the customer that it created, None while there is none."""
        rows = Customer.objects.filter(gateway_name=operation.gateway_name)
        return _id_of(rows.filter(customer_key=operation.customer_key))


def _id_of(rows: QuerySet[Any]) -> str | None:
    found = rows.values_list("public_id", flat=True).first()
    return str(found) if found else None
