"""What the server under load offers: the API, and the same charge written by hand."""

from __future__ import annotations

from decimal import Decimal

from django.urls import include, path
from rest_framework import serializers, status
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks import by_hand
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard, Transaction


class PriceSerializer(serializers.Serializer[None]):
    """The body of a charge."""

    price = serializers.DecimalField(max_digits=14, decimal_places=2)


class RowSerializer(serializers.ModelSerializer[Transaction]):
    """A transaction with the columns that the API shows a shopper."""

    class Meta:
        model = Transaction
        fields = (
            *("public_id", "gateway_name", "live", "transaction_id", "kind", "status", "price"),
            *("currency", "customer_id", "card_id", "last_4", "brand", "auth_code"),
            *("order_reference", "description", "created_at"),
        )


class ChargeByHand(APIView):
    """The shopper's own card is charged, as a Django developer writes it without any safety."""

    permission_classes = (IsAuthenticated,)

    def post(self, request: Request, public_id: str) -> Response:
        """Charge the card of the address."""
        cards = CreditCard.objects.select_related("customer").filter(
            customer__owner=request.user.pk
        )
        card = get_object_or_404(cards, public_id=public_id)
        given = PriceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        price: Decimal = given.validated_data["price"]
        row = by_hand.charge(get_gateway(), card, price)
        return Response(RowSerializer(row).data, status=status.HTTP_201_CREATED)


urlpatterns = [
    path("api/", include("django_dinero.api.urls")),
    path("by-hand/<uuid:public_id>/", ChargeByHand.as_view()),
]
