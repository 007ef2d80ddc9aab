"""The routes, for ``path("api/", include("django_dinero.api.urls"))``.

Their names are ``dinero-api:customer-list``, ``dinero-api:card-charge`` and so on.
"""

from __future__ import annotations

from rest_framework.routers import APIRootView, DefaultRouter

from django_dinero.api.views.base import DineroView
from django_dinero.api.views.cards import CardViewSet
from django_dinero.api.views.customers import CustomerViewSet
from django_dinero.api.views.operations import OperationViewSet
from django_dinero.api.views.transactions import TransactionViewSet

app_name = "dinero-api"


class Root(DineroView, APIRootView):
    """The addresses of the lists."""


router = DefaultRouter()
router.APIRootView = Root
router.include_format_suffixes = False
router.register("customers", CustomerViewSet, basename="customer")
router.register("cards", CardViewSet, basename="card")
router.register("transactions", TransactionViewSet, basename="transaction")

router.register("operations", OperationViewSet, basename="operation")

urlpatterns = router.urls
