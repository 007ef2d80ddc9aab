"""Gateways: ``/gateways/``, those that the caller may use."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from django_dinero.api.gateways import GatewaySerializer, described, names_for
from django_dinero.api.pagination import refuse_parameters
from django_dinero.api.permissions import ShopperPermission
from django_dinero.api.views.base import DineroViewSet
from django_dinero.models import Customer


class GatewayViewSet(DineroViewSet):
    """They stand in the settings and are no rows."""

    serializer_class = GatewaySerializer
    permission_classes = (ShopperPermission,)
    # Who may create customers names the gateway that keeps them.
    action_permissions: ClassVar[dict[str, str]] = {"list": "dinero.add_customer"}
    owner_actions = frozenset({"list"})

    def get_queryset(self) -> QuerySet[Any]:
        return Customer.objects.none()

    def list(self, request: Request, **kwargs: Any) -> Response:
        """Show them, with what a browser needs to get tokens; no secret is among it."""
        refuse_parameters(request)
        names = names_for(request.user, all_of_them=self.sees_all())
        shown = GatewaySerializer(list(described(names)), many=True).data
        return Response({"next": None, "previous": None, "results": shown})
