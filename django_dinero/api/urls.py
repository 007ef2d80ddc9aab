"""The routes, for ``path("api/", include("django_dinero.api.urls"))``.

Their names are ``dinero-api:customer-list``, ``dinero-api:card-charge`` and so on. The last route
takes whatever is left below the API's prefix. A project that has more routes below the same prefix
lists them before this include; a check says so where it does not.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.urls import re_path
from rest_framework.routers import DefaultRouter

from django_dinero.api.views.cards import CardViewSet
from django_dinero.api.views.charges import ChargeViewSet
from django_dinero.api.views.customers import CustomerViewSet
from django_dinero.api.views.differences import DifferenceViewSet
from django_dinero.api.views.errors import UnknownRouteView
from django_dinero.api.views.gateways import GatewayViewSet
from django_dinero.api.views.operations import OperationViewSet
from django_dinero.api.views.root import RootView
from django_dinero.api.views.transactions import TransactionViewSet
from django_dinero.api.views.webhook_events import WebhookEventViewSet

app_name = "dinero-api"


class Router(DefaultRouter):
    """Its root names the lists alone: what only takes a POST is no address to follow."""

    def get_api_root_view(self, api_urls: Any = None) -> Any:
        """Return the view of the root."""
        name = self.routes[0].name
        found = {
            prefix: name.format(basename=basename)
            for prefix, viewset, basename in self.registry
            if hasattr(viewset, "list")
        }
        return self.APIRootView.as_view(api_root_dict=found)


router = Router()
router.APIRootView = RootView
router.include_format_suffixes = False
router.register("customers", CustomerViewSet, basename="customer")
router.register("cards", CardViewSet, basename="card")
router.register("transactions", TransactionViewSet, basename="transaction")
router.register("charges", ChargeViewSet, basename="charge")
router.register("gateways", GatewayViewSet, basename="gateway")
router.register("operations", OperationViewSet, basename="operation")
router.register("differences", DifferenceViewSet, basename="difference")
router.register("webhook-events", WebhookEventViewSet, basename="webhook-event")

# The empty expression matches any rest of an address.
urlpatterns = [*router.urls, re_path("", UnknownRouteView.as_view())]

# Whoever makes a schema has loaded these routes before.
if find_spec("drf_spectacular") is not None:
    import_module("django_dinero.api.openapi.extensions")
