"""Operations: ``/operations/{key}/`` tells how a request ended whose answer was lost."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import mixins
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from django_dinero import throttle_rates
from django_dinero.api.exception_handler import RETRY_AFTER
from django_dinero.api.serializers import OperationSerializer, StaffOperationSerializer
from django_dinero.api.views.base import DineroViewSet
from django_dinero.identifiers import user_scope
from django_dinero.models import Customer, Operation
from django_dinero.services.recovery import lookup

#: Columns of an operation and of the customer that it is about.
CUSTOMER_COLUMNS = ("gateway_name", "customer_id", "live")


class OperationViewSet(mixins.RetrieveModelMixin, DineroViewSet):
    """The journal's operations, one by one; the list is in the admin."""

    serializer_class = OperationSerializer
    action_permissions: ClassVar[dict[str, str]] = {"retrieve": "dinero.view_operation"}
    owner_actions = frozenset({"retrieve"})
    # It is looked up; and it was written by the request before this one.
    showing_actions: ClassVar[frozenset[str]] = frozenset()
    # The gateway is asked while an operation is open.
    rate_scopes: ClassVar[dict[str, str]] = {"retrieve": throttle_rates.OPERATION}
    lookup_field = "key"
    lookup_url_kwarg = "key"
    lookup_value_regex = "[A-Z2-7]{20}"

    def owned_by(self, user: Any) -> Q:
        """An operation belongs to whoever asked for it, and to the owner of its customer."""
        customers = self.rows_of(Customer).filter(
            owner=user, **{name: OuterRef(name) for name in CUSTOMER_COLUMNS}
        )
        return (
            Q(scope=user_scope("user", user.pk)) | Q(owner_pk=str(user.pk)) | Q(Exists(customers))
        )

    def is_owner(self, obj: Operation) -> bool:
        """Say the same of one operation; mostly its own columns tell, without a query."""
        user = self.request.user
        if obj.scope == user_scope("user", user.pk) or obj.owner_pk == str(user.pk):
            return True
        columns = {name: getattr(obj, name) for name in CUSTOMER_COLUMNS}
        return self.rows_of(Customer).filter(owner=user, **columns).exists()

    def get_queryset(self) -> QuerySet[Operation]:
        return self.visible(self.rows_of(Operation).order_by("-id"))

    def get_object(self) -> Operation:
        """Return the operation.

        Raises:
            NotFound: there is none with this key, or it is somebody else's.
        """
        try:
            found: Operation = super().get_object()
        except Http404:
            raise NotFound(_("There is no such operation.")) from None
        return found

    def get_serializer_class(self) -> type[OperationSerializer]:
        """Return what shows a row: to staff with who asked."""
        return StaffOperationSerializer if self.sees_all() else OperationSerializer

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Show how it ended; the gateway is asked while that is not known."""
        operation: Operation = self.get_object()
        if operation.is_open:
            lookup.look_up(operation, is_callers=not self.sees_all())
        headers = {"Retry-After": RETRY_AFTER} if operation.is_open else None
        return Response(self.get_serializer(operation).data, headers=headers)
