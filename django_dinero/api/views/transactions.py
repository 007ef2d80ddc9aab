"""Transactions: ``/transactions/``, and what may be done to them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from django_dinero.api import filters
from django_dinero.api.fields import StrictSerializer
from django_dinero.api.filters import Filter
from django_dinero.api.linked import with_links
from django_dinero.api.serializers import (
    FollowUpSerializer,
    NothingSerializer,
    StaffTransactionSerializer,
    TransactionSerializer,
    VoidSerializer,
)
from django_dinero.api.views.base import DineroViewSet
from django_dinero.enums import TransactionKind
from django_dinero.models import Customer, Transaction
from django_dinero.models.family import FOLLOWING
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.services.payments import followups

KINDS = tuple(kind.value for kind in TransactionKind)
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
        "approve": "dinero.review_transaction",
        "decline": "dinero.review_transaction",
        "refresh": "dinero.change_transaction",
    }
    owner_actions = frozenset({"list", "retrieve"})
    filters: ClassVar[Mapping[str, Filter]] = {
        **filters.OF_AN_ACCOUNT,
        "status": Filter("status__in", filters.OneOrMoreOf(TransactionStatus.values)),
        "kind": Filter("kind__in", filters.OneOrMoreOf(KINDS)),
        "currency": Filter("currency", filters.currency),
        "order_reference": Filter("order_reference", filters.text),
        "transaction_id": Filter("transaction_id", filters.text),
        "customer": Filter("customer__public_id", filters.public_id),
        "card": Filter("card__public_id", filters.public_id),
        "created_from": Filter("created_at__gte", filters.moment),
        "created_before": Filter("created_at__lt", filters.moment),
        "price_from": Filter("price__gte", filters.amount),
        "price_to": Filter("price__lte", filters.amount),
    }

    def owned_by(self, user: Any) -> Q:
        """A transaction belongs to its owner, and to its customer's owner."""
        # The customers' keys first: no database uses its indexes for an OR across two tables.
        customers = self.rows_of(Customer).filter(owner=user).order_by()
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
        rows = self.rows_of(Transaction).select_related("customer", "card", "parent")
        rows = rows.order_by("-id")
        if self.action in ("list", "retrieve"):
            rows = rows.prefetch_related(FOLLOWING)
        return self.visible(rows)

    @action(detail=True, methods=["post"])
    def capture(self, request: Request, **kwargs: Any) -> Response:
        """Capture an authorization, all of it or ``amount``."""
        return self._follow_up(FollowUpSerializer, "capture")

    @action(detail=True, methods=["post"])
    def void(self, request: Request, **kwargs: Any) -> Response:
        return self._follow_up(VoidSerializer, "void")

    @action(detail=True, methods=["post"])
    def refund(self, request: Request, **kwargs: Any) -> Response:
        """Give back all that is left, or ``amount``."""
        return self._follow_up(FollowUpSerializer, "refund")

    @action(detail=True, methods=["post"])
    def approve(self, request: Request, **kwargs: Any) -> Response:
        """Approve a payment that the gateway holds for review."""
        return self._follow_up(VoidSerializer, "approve", made=False)

    @action(detail=True, methods=["post"])
    def decline(self, request: Request, **kwargs: Any) -> Response:
        """Decline a payment that the gateway holds for review."""
        return self._follow_up(VoidSerializer, "decline", made=False)

    def _follow_up(
        self, serializer: type[StrictSerializer], verb: str, *, made: bool = True
    ) -> Response:
        row: Transaction = self.get_object()
        check = partial(followups.check, row)
        return self.move_money(serializer, getattr(row, verb), check=check, made=made)

    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, **kwargs: Any) -> Response:
        """Ask the gateway how it stands, and show it as it is now."""
        row: Transaction = self.get_object()
        self.checked(NothingSerializer)
        return Response(self.get_serializer(with_links(row.refresh_from_gateway())).data)
