"""What a Django developer writes with REST framework alone for the same answers."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import mixins, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.enums import TransactionKind
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.models.family import Family

ACCOUNT = ("id", "gateway_name", "live", "customer_id")
CHARGED = ("transaction_id", "kind", "status", "price", "currency", "parent", "customer", "card")
SHOWN = ("card_id", "last_4", "brand", "auth_code", "order_reference", "description", "created_at")
AMOUNTS = ("captured_amount", "refunded_amount", "left_to_capture", "left_to_refund")
RESULTS = ("avs", "cvv", "reason", "gateway_code", "gateway_text")


class CardSerializer(serializers.ModelSerializer[CreditCard]):
    """A card."""

    id = serializers.UUIDField(source="public_id")
    customer = serializers.UUIDField(source="customer.public_id")
    is_default = serializers.BooleanField()

    class Meta:
        model = CreditCard
        fields = (
            *(*ACCOUNT, "customer", "card_id", "last_4", "brand", "month", "year"),
            *(*ADDRESS_FIELDS, "is_default", "sync_state", "created_at"),
        )
        read_only_fields = fields


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    """A customer with its cards."""

    id = serializers.UUIDField(source="public_id")
    cards = CardSerializer(many=True)

    class Meta:
        model = Customer
        fields = (
            *(*ACCOUNT, "email", "first_name", "last_name", "cards", "sync_state", "created_at"),
        )
        read_only_fields = fields


class TransactionSerializer(serializers.ModelSerializer[Transaction]):
    """A transaction with what has followed it."""

    id = serializers.UUIDField(source="public_id")
    price = serializers.SerializerMethodField()
    # typed as the serializer that this one is nested in
    parent = serializers.UUIDField(  # type: ignore[assignment]
        source="parent.public_id", default=None
    )
    customer = serializers.UUIDField(source="customer.public_id", default=None)
    card = serializers.UUIDField(source="card.public_id", default=None)
    captured_amount = serializers.SerializerMethodField()
    refunded_amount = serializers.SerializerMethodField()
    left_to_capture = serializers.SerializerMethodField()
    left_to_refund = serializers.SerializerMethodField()
    children = serializers.SerializerMethodField()

    class Meta:
        model = Transaction
        fields: tuple[str, ...] = (*ACCOUNT, *CHARGED, *SHOWN, *AMOUNTS, "children")
        read_only_fields: tuple[str, ...] = fields

    def to_representation(self, instance: Transaction) -> dict[str, Any]:
        """Return the row; what followed it is put together once."""
        children = sorted(instance.children.all(), key=lambda each: each.pk)
        captures = [each for each in children if each.kind == TransactionKind.CAPTURE]
        further = [more for each in captures for more in each.children.all()]
        self.family = Family(instance, (*children, *sorted(further, key=lambda each: each.pk)))
        return dict(super().to_representation(instance))

    def get_price(self, row: Transaction) -> str:
        """Return the price; all the money here has two decimals."""
        return f"{row.price:.2f}"

    def get_captured_amount(self, row: Transaction) -> str:
        """Return how much was taken."""
        return f"{self.family.captured:.2f}"

    def get_refunded_amount(self, row: Transaction) -> str:
        """Return how much was given back."""
        return f"{self.family.sum_of(TransactionKind.REFUND):.2f}"

    def get_left_to_capture(self, row: Transaction) -> str:
        """Return how much can still be captured."""
        return f"{self.family.left_to_capture:.2f}"

    def get_left_to_refund(self, row: Transaction) -> str:
        """Return how much can still be given back."""
        return f"{self.family.left_to_refund:.2f}"

    def get_children(self, row: Transaction) -> list[str]:
        """Return the ids of what followed."""
        return [str(each.public_id) for each in self.family.children]


class TransactionsSerializer(serializers.ListSerializer[Any]):
    """A page of them; their operations are read at once."""

    def to_representation(self, data: Any) -> list[Any]:
        """Return the rows."""
        rows = list(data)
        found = Operation.objects.filter(key__in=[row.operation_key for row in rows])
        child: Any = self.child
        child.operations = {each.key: each for each in found.only("key", "intent")}
        return super().to_representation(rows)


class StaffTransactionSerializer(TransactionSerializer):
    """The same with the results of the checks, and who asked."""

    made_by = serializers.SerializerMethodField()

    class Meta(TransactionSerializer.Meta):
        list_serializer_class = TransactionsSerializer
        fields = (*TransactionSerializer.Meta.fields, *RESULTS, "made_by")
        read_only_fields = fields

    def get_made_by(self, row: Transaction) -> str:
        """Return who asked for it."""
        found = getattr(self, "operations", None)
        if found is None:
            return Operation.objects.only("intent").get(key=row.operation_key).made_by
        return str(found[row.operation_key].made_by)


class ChargeSerializer(serializers.Serializer[Any]):
    """The body of a charge."""

    price = serializers.DecimalField(max_digits=12, decimal_places=2)
    settle = serializers.BooleanField(default=True)
    currency = serializers.CharField(required=False)
    cvv = serializers.CharField(required=False)
    order_reference = serializers.CharField(required=False)
    description = serializers.CharField(required=False)
    customer_ip = serializers.IPAddressField(required=False)


class Pages(CursorPagination):
    """Newest first, as ours."""

    ordering = ("-created_at", "-id")
    page_size_query_param = "page_size"


class View(mixins.ListModelMixin, GenericViewSet[Any]):
    """What the views share."""

    permission_classes = (IsAuthenticated,)
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)
    pagination_class = Pages


class CustomerViewSet(View):
    """Customers."""

    serializer_class = CustomerSerializer
    queryset = Customer.objects.prefetch_related("cards")


class CardViewSet(View):
    """Cards, and their charges."""

    serializer_class = CardSerializer
    queryset = CreditCard.objects.select_related("customer")
    lookup_field = "public_id"
    lookup_url_kwarg = "id"

    def charge(self, request: Request, **kwargs: Any) -> Response:
        """Charge a card."""
        card = self.get_object()
        body = ChargeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        key, scope = request.headers["Idempotency-Key"], f"user:{request.user.pk}"
        given: dict[str, Any] = dict(body.validated_data)
        row = Transaction.create(card=card, idempotency_key=key, scope=scope, **given)
        return Response(TransactionSerializer(row).data, status=201)


class TransactionViewSet(View):
    """Transactions."""

    serializer_class = StaffTransactionSerializer

    def get_queryset(self) -> QuerySet[Transaction]:
        """Return them with what the serializer reads."""
        rows = Transaction.objects.select_related("customer", "card", "parent")
        return rows.prefetch_related("children__children")
