"""The routes, for ``path("api/", include("django_dinero.api.urls"))``.

Their names are ``dinero-api:customer-list``, ``dinero-api:card-charge`` and so on. The last route
takes whatever is left below the API's prefix. A project that has more routes below the same prefix
lists them before this include; a check says so where it does not.
"""

from __future__ import annotations

from django.urls import re_path
from rest_framework.routers import APIRootView, DefaultRouter

from django_dinero.api.views.base import DineroView
from django_dinero.api.views.cards import CardViewSet
from django_dinero.api.views.customers import CustomerViewSet
from django_dinero.api.views.errors import UnknownRouteView
from django_dinero.api.views.operations import OperationViewSet
from django_dinero.api.views.transactions import TransactionViewSet

app_name = "dinero-api"


class RootView(DineroView, APIRootView):
    """The addresses of the lists."""


router = DefaultRouter()
router.APIRootView = RootView
router.include_format_suffixes = False
router.register("customers", CustomerViewSet, basename="customer")
router.register("cards", CardViewSet, basename="card")
router.register("transactions", TransactionViewSet, basename="transaction")
router.register("operations", OperationViewSet, basename="operation")

# The empty expression matches any rest of an address.
urlpatterns = [*router.urls, re_path("", UnknownRouteView.as_view())]
