"""Cards: ``/cards/``. They are added at their customer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from django_dinero import throttle_rates
from django_dinero.api import filters
from django_dinero.api.filters import Filter
from django_dinero.api.serializers import (
    CardSerializer,
    CardUpdateSerializer,
    NewChargeSerializer,
    NothingSerializer,
    StaffNewChargeSerializer,
    ValidationSerializer,
)
from django_dinero.api.views.base import DestroyMixin, DineroViewSet, change, check_changes
from django_dinero.models import CreditCard, Transaction
from django_dinero.services.payments import charge as charges


class CardViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    DestroyMixin,
    DineroViewSet,
):
    serializer_class = CardSerializer
    action_permissions: ClassVar[dict[str, str]] = {
        "list": "dinero.view_creditcard",
        "retrieve": "dinero.view_creditcard",
        "partial_update": "dinero.change_creditcard",
        "destroy": "dinero.delete_creditcard",
        "charge": "dinero.charge_creditcard",
        "default": "dinero.change_creditcard",
        "validate": "dinero.charge_creditcard",
    }
    owner_actions = frozenset({"list", "retrieve", "partial_update", "destroy", "default"})
    filters: ClassVar[Mapping[str, Filter]] = {
        **filters.OF_AN_ACCOUNT,
        "customer": Filter("customer__public_id", filters.public_id),
        "brand": Filter("brand", filters.text),
        "last_4": Filter("last_4", filters.text),
    }
    # An issuer's answer about a card is what card testers want to hear.
    owner_actions_by_permission = frozenset({"charge", "validate"})
    keyed_actions = frozenset({"charge"})
    rate_scopes: ClassVar[Mapping[str, str]] = {
        # A gateway that checks stored cards checks a changed one again.
        "partial_update": throttle_rates.STORE,
        "charge": throttle_rates.CHARGE,
        "validate": throttle_rates.CHARGE,
    }

    def owned_by(self, user: Any) -> Q:
        return Q(customer__owner=user)

    def is_owner(self, obj: CreditCard) -> bool:
        return bool(obj.customer.owner_id == self.request.user.pk)

    def get_queryset(self) -> QuerySet[CreditCard]:
        return self.visible(self.rows_of(CreditCard).select_related("customer").order_by("-id"))

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change address, expiry date or which card is the default, here and at the gateway."""
        card: CreditCard = self.get_object()
        change(card, self.checked(CardUpdateSerializer, partial(check_changes, card)))
        card.save()
        return Response(CardSerializer(card).data)

    @action(detail=True, methods=["post"])
    def charge(self, request: Request, **kwargs: Any) -> Response:
        card: CreditCard = self.get_object()
        serializer = StaffNewChargeSerializer if self.sees_all() else NewChargeSerializer
        move = partial(Transaction.create, card=card)
        return self.move_money(serializer, move, check=partial(charges.check, card=card))

    @action(detail=True, methods=["post"])
    def default(self, request: Request, **kwargs: Any) -> Response:
        """Make it the card that is charged where only the customer is named."""
        card: CreditCard = self.get_object()
        self.checked(NothingSerializer)
        card.is_default = True
        card.save()
        return Response(CardSerializer(card).data)

    @action(detail=True, methods=["post"])
    def validate(self, request: Request, **kwargs: Any) -> Response:
        """Ask the issuer whether the card is good; a decline is a 402."""
        card: CreditCard = self.get_object()
        card.validate(**self.checked(ValidationSerializer))
        return Response(CardSerializer(card).data)
