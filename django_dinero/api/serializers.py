"""What requests may hold, and what answers show."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import router
from django.db.models import QuerySet
from rest_framework import serializers

from django_dinero.api.fields import (
    AmountField,
    PlainTextField,
    RawCardField,
    RowSerializer,
    SecretField,
    StrictSerializer,
)
from django_dinero.api.makers import RowsWithMakers, ShowsMaker
from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import InvalidInput
from django_dinero.models import (
    CreditCard,
    Customer,
    Difference,
    Operation,
    Transaction,
    WebhookEvent,
)
from django_dinero.models.family import Family
from django_dinero.money import normalise
from django_dinero.validation import check_email

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
    number = RawCardField()
    token = SecretField()
    cvv = RawCardField()


class CustomerUpdateSerializer(StrictSerializer):
    """What can be changed on a customer."""

    email = PlainTextField()
    first_name = PlainTextField()
    last_name = PlainTextField()

    def validate_email(self, email: str) -> str:
        """Return the address, by the rule of the service that stores customers."""
        try:
            return check_email(email, required=True)
        except InvalidInput as error:
            raise serializers.ValidationError(error.errors["email"]) from None


class NewCustomerSerializer(AddressSerializer):
    """A customer to store, with a first card where there is a number or a token."""

    email = PlainTextField()
    number = RawCardField()
    token = SecretField()
    cvv = RawCardField()
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
    cvv = RawCardField()
    order_reference = PlainTextField()
    pays_order = serializers.BooleanField(required=False)
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


class NothingSerializer(StrictSerializer):
    """A body without fields."""


class ValidationSerializer(StrictSerializer):
    """What the issuer is asked about a stored card."""

    cvv = RawCardField()


class ExplanationSerializer(StrictSerializer):
    """Why a person closes something, for those who ask later."""

    note = PlainTextField()


# -- Answers ---------------------------------------------------------------------------------------

#: What undoes a payment: the description of such a row is the reason that was given for it.
UNDOING = (TransactionKind.VOID, TransactionKind.REFUND)


class CardSerializer(RowSerializer[CreditCard]):
    id = serializers.UUIDField(source="public_id", read_only=True)
    customer = serializers.UUIDField(source="customer.public_id", read_only=True)
    is_default = serializers.BooleanField(read_only=True)

    class Meta:
        model = CreditCard
        fields = (
            *("id", "customer", "gateway_name", "live"),
            *("customer_id", "card_id", "last_4", "brand"),
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

    #: Whether it shows why a payment was voided or refunded.
    shows_reasons = False

    id = serializers.UUIDField(source="public_id", read_only=True)
    price = serializers.SerializerMethodField()
    captured_amount = serializers.SerializerMethodField()
    refunded_amount = serializers.SerializerMethodField()
    left_to_capture = serializers.SerializerMethodField()
    left_to_refund = serializers.SerializerMethodField()
    children = serializers.SerializerMethodField()
    parent = serializers.SerializerMethodField()  # type: ignore[assignment]
    customer = serializers.UUIDField(source="customer.public_id", default=None, read_only=True)
    card = serializers.UUIDField(source="card.public_id", default=None, read_only=True)

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = (
            *("id", "gateway_name", "live", "transaction_id", "kind", "status", "price"),
            *("currency", "parent", "customer", "card"),
            *("customer_id", "card_id", "last_4", "brand"),
            *("auth_code", "order_reference", "description", "created_at"),
            *("captured_amount", "refunded_amount", "left_to_capture", "left_to_refund"),
            "children",
        )
        read_only_fields: tuple[str, ...] = fields

    def to_representation(self, instance: Transaction) -> dict[str, Any]:
        """Return the row, with what has followed it."""
        self._family = Family.of(instance)
        shown = dict(super().to_representation(instance))
        if instance.kind in UNDOING and not self.shows_reasons:
            shown["description"] = ""
        return shown

    def get_captured_amount(self, row: Transaction) -> str:
        """Return how much was taken: of an authorization, by its captures."""
        return self._shown(self._family.captured)

    def get_refunded_amount(self, row: Transaction) -> str:
        """Return how much was given back."""
        return self._shown(self._family.sum_of(TransactionKind.REFUND))

    def get_left_to_capture(self, row: Transaction) -> str:
        """Return how much can still be captured."""
        return self._shown(self._family.left_to_capture)

    def get_left_to_refund(self, row: Transaction) -> str:
        """Return how much can still be given back."""
        return self._shown(self._family.left_to_refund)

    def _shown(self, amount: Decimal) -> str:
        return str(normalise(amount, self._family.row.currency))

    def get_children(self, row: Transaction) -> list[str]:
        """Return the public ids of what followed it, the oldest first."""
        return [str(each.public_id) for each in self._family.children]

    def get_parent(self, row: Transaction) -> str | None:
        """Return the public id of the charge that this one follows."""
        return str(row.parent.public_id) if row.parent else None

    def get_price(self, row: Transaction) -> str:
        """Return the amount with the decimals of its currency."""
        return str(normalise(Decimal(row.price), row.currency))


class StaffTransactionSerializer(ShowsMaker, TransactionSerializer):
    """A transaction with the results of the checks, the gateway's own words, and who asked."""

    shows_reasons = True

    class Meta(TransactionSerializer.Meta):
        list_serializer_class = RowsWithMakers
        fields = (
            *TransactionSerializer.Meta.fields,
            *("avs", "cvv", "reason", "gateway_code", "gateway_text", "made_by"),
        )
        read_only_fields = fields


class OperationSerializer(RowSerializer[Operation]):
    """An operation of the journal: how a request ended."""

    id = serializers.CharField(source="key", read_only=True)
    transaction = serializers.SerializerMethodField()
    customer = serializers.SerializerMethodField()

    class Meta:
        model = Operation
        fields: tuple[str, ...] = (
            *("id", "live", "kind", "state", "transaction", "customer"),
            *("created_at", "updated_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_transaction(self, operation: Operation) -> str | None:
        """Return the public id of the transaction that it made, None while there is none."""
        return _id_of(Transaction.objects.filter(operation_key=operation.key))

    def get_customer(self, operation: Operation) -> str | None:
        """Return the public id of the customer that it created, None while there is none."""
        rows = Customer.objects.filter(gateway_name=operation.gateway_name, live=operation.live)
        return _id_of(rows.filter(customer_key=operation.customer_key))


class StaffOperationSerializer(OperationSerializer):
    """An operation with who asked for it."""

    made_by = serializers.CharField(read_only=True)

    class Meta(OperationSerializer.Meta):
        fields = (*OperationSerializer.Meta.fields, "made_by")
        read_only_fields = fields


def _id_of(rows: QuerySet[Any]) -> str | None:
    # From the primary database: a replica may lack the row that this request has just written.
    rows = rows.using(router.db_for_write(rows.model))
    found = rows.values_list("public_id", flat=True).first()
    return str(found) if found else None


class DifferenceSerializer(RowSerializer[Difference]):
    """A difference: what was found, on which side, and how it ended."""

    text = serializers.CharField(source="shown_text", read_only=True)
    operation = serializers.CharField(source="operation_key", read_only=True)
    amount_here = serializers.SerializerMethodField()
    amount_there = serializers.SerializerMethodField()

    def get_amount_here(self, row: Difference) -> str | None:
        """Return the amount in our books, with the decimals of its currency."""
        return _amount(row.amount_here, row.currency)

    def get_amount_there(self, row: Difference) -> str | None:
        """Return the gateway's amount."""
        return _amount(row.amount_there, row.currency)

    class Meta:
        model = Difference
        fields = (
            *("id", "gateway_name", "live", "kind", "subject", "reason", "text", "operation"),
            *("transaction_id", "customer_id", "card_id", "day", "currency"),
            *("amount_here", "amount_there", "state", "note", "closed_by", "times_seen"),
            *("first_seen_at", "last_seen_at", "ended_at"),
        )
        read_only_fields = fields


class WebhookEventSerializer(RowSerializer[WebhookEvent]):
    """An event that a gateway has sent, without its body."""

    operation = serializers.CharField(source="operation_key", read_only=True)

    class Meta:
        model = WebhookEvent
        fields = (
            *("id", "gateway_name", "live", "event_id", "event_type", "object_kind", "object_id"),
            *("operation", "state", "attempts", "next_try_at", "error"),
            *("received_at", "applied_at"),
        )
        read_only_fields = fields


def _amount(amount: Decimal | None, currency: str) -> str | None:
    if amount is None:
        return None
    return str(normalise(amount, currency) if currency else amount)
