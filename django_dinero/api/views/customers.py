"""Customers: ``/customers/``, their cards and charges."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from django_dinero import throttle_rates
from django_dinero.api import filters, idempotency
from django_dinero.api.filters import Filter
from django_dinero.api.idempotency import IdempotencyKey
from django_dinero.api.linked import with_cards
from django_dinero.api.serializers import (
    CardSerializer,
    CustomerSerializer,
    CustomerUpdateSerializer,
    NewCardSerializer,
    NewChargeSerializer,
    NewCustomerSerializer,
    StaffNewChargeSerializer,
    StaffNewCustomerSerializer,
)
from django_dinero.api.views.base import DestroyMixin, DineroViewSet, change, check_changes
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.services.payments import charge as charges
from django_dinero.services.vault import cards as new_cards
from django_dinero.services.vault import creations
from django_dinero.services.vault import customers as new_customers


class CustomerViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    DestroyMixin,
    DineroViewSet,
):
    serializer_class = CustomerSerializer
    action_permissions: ClassVar[dict[str, str]] = {
        "list": "dinero.view_customer",
        "retrieve": "dinero.view_customer",
        "create": "dinero.add_customer",
        "partial_update": "dinero.change_customer",
        "destroy": "dinero.delete_customer",
        "cards": "dinero.add_stored_card",
        "charge": "dinero.charge_creditcard",
    }
    owner_actions = frozenset({"list", "retrieve", "create", "partial_update", "destroy", "cards"})
    owner_actions_by_permission = frozenset({"charge"})
    keyed_actions = frozenset({"create", "charge"})
    rate_scopes: ClassVar[Mapping[str, str]] = {
        "create": throttle_rates.STORE,
        "cards": throttle_rates.STORE,
        "charge": throttle_rates.CHARGE,
    }
    filters: ClassVar[Mapping[str, Filter]] = {
        **filters.OF_AN_ACCOUNT,
        "email": Filter("email__in", filters.spelled),
        "customer_id": Filter("customer_id", filters.text),
    }

    def get_queryset(self) -> QuerySet[Customer]:
        """Return the customers that exist for the caller, with their cards."""
        cards = Prefetch("cards", self.rows_of(CreditCard))
        return self.visible(self.rows_of(Customer).prefetch_related(cards).order_by("-id"))

    def knows(self, key: IdempotencyKey) -> bool:
        """Say whether a request with this key has an answer; one that stores, a customer."""
        if self.action != "create":
            return super().knows(key)
        named = self.request.data.get("gateway_name")
        name = named if isinstance(named, str) and self.sees_all() else None
        return creations.is_known(name, key.value, key.scope)

    def create(self, request: Request, **kwargs: Any) -> Response:
        """Store a customer, with a first card where there is one.

        One that a user creates is that user's own; staff with the permission create them without
        an owner, at a gateway of their choice. An ``Idempotency-Key`` makes one, however often it
        is sent. Who has one with this e-mail address gets that, and the card is added to it.
        """
        key = idempotency.optional_key(request)
        once: dict[str, Any] = dict(key.arguments) if key is not None else {}
        if self.sees_all():
            given, owner = self.checked(StaffNewCustomerSerializer, new_customers.check), None
        else:
            given, owner = self.checked(NewCustomerSerializer, new_customers.check), request.user
        once |= {"owner": owner, "one_per_owner": owner is not None}
        customer = Customer.create(**_named(given), **once)
        shown = CustomerSerializer(with_cards(customer))
        return Response(shown.data, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change e-mail or names, here and at the gateway."""
        customer: Customer = self.get_object()
        given = self.checked(CustomerUpdateSerializer, partial(check_changes, customer))
        change(customer, given)
        customer.save()
        return Response(CustomerSerializer(with_cards(customer)).data)

    @action(detail=True, methods=["post"])
    def cards(self, request: Request, **kwargs: Any) -> Response:
        customer: Customer = self.get_object()
        check = partial(new_cards.check, customer)
        card = customer.add_card(**self.checked(NewCardSerializer, check))
        return Response(CardSerializer(card).data, status=status.HTTP_201_CREATED)

    @action(detail=True, methods=["post"])
    def charge(self, request: Request, **kwargs: Any) -> Response:
        customer: Customer = self.get_object()
        serializer = StaffNewChargeSerializer if self.sees_all() else NewChargeSerializer
        move = partial(Transaction.create, customer=customer)
        return self.move_money(serializer, move, check=partial(charges.check, customer=customer))


def _named(given: dict[str, Any]) -> dict[str, Any]:
    # email is a positional argument: a missing one is the service's error, not a TypeError.
    return {"email": "", **given}
