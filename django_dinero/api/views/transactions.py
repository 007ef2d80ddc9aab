"""Transactions: ``/transactions/``, and what may be done to them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from django_dinero.api.serializers import (
    FollowUpSerializer,
    StaffTransactionSerializer,
    TransactionSerializer,
    VoidSerializer,
)
from django_dinero.api.views.base import DineroViewSet
from django_dinero.models import Customer, Transaction

#: More keys than these are not listed in a query; such an owner has a good part of all rows.
MANY_CUSTOMERS = 1000


class TransactionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, DineroViewSet):
    """Each verb makes a new transaction and returns it."""

    action_permissions: ClassVar[dict[str, str]] = {
        "list": "dinero.view_transaction",
        "retrieve": "dinero.view_transaction",
        "capture": "dinero.capture_transaction",
        "void": "dinero.void_transaction",
        "refund": "dinero.refund_transaction",
    }
    owner_actions = frozenset({"list", "retrieve"})

    def owned_by(self, user: Any) -> Q:
        """A transaction belongs to its owner, and to its customer's owner."""
        # The customers' keys first: no database uses its indexes for an OR across two tables.
        customers = Customer.objects.filter(owner=user).order_by()
        keys = list(customers.values_list("pk", flat=True)[: MANY_CUSTOMERS + 1])
        if len(keys) > MANY_CUSTOMERS:
            return Q(owner=user) | Q(customer__owner=user)
        return Q(owner=user) | Q(customer__in=keys)

    def is_owner(self, obj: Transaction) -> bool:
        """Say whether the transaction, or its customer, is the caller's."""
        owners = {obj.owner_id, obj.customer.owner_id if obj.customer else None}
        return self.request.user.pk in owners

    def get_serializer_class(self) -> type[TransactionSerializer]:
        """Return what shows a row: all of it to staff."""
        return StaffTransactionSerializer if self.sees_all() else TransactionSerializer

    def get_queryset(self) -> QuerySet[Transaction]:
        rows = Transaction.objects.select_related("customer", "card", "parent").order_by("-id")
        return self.visible(rows)

    @action(detail=True, methods=["post"])
    def capture(self, request: Request, **kwargs: Any) -> Response:
        """Capture an authorization, all of it or ``amount``."""
        row: Transaction = self.get_object()
        return self.move_money(FollowUpSerializer, row.capture)

    @action(detail=True, methods=["post"])
    def void(self, request: Request, **kwargs: Any) -> Response:
        row: Transaction = self.get_object()
        return self.move_money(VoidSerializer, row.void)

    @action(detail=True, methods=["post"])
    def refund(self, request: Request, **kwargs: Any) -> Response:
        """Give back all that is left, or ``amount``."""
        row: Transaction = self.get_object()
        return self.move_money(FollowUpSerializer, row.refund)
