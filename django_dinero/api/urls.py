"""The routes, for ``path("api/", include("django_dinero.api.urls"))``.

Their names are ``dinero-api:customer-list``, ``dinero-api:card-charge`` and so on.
"""

from __future__ import annotations

from rest_framework.renderers import JSONRenderer
from rest_framework.routers import APIRootView, DefaultRouter

from django_dinero.api.cards import CardViewSet
from django_dinero.api.customers import CustomerViewSet
from django_dinero.api.permissions import IsAuthenticated
from django_dinero.api.transactions import TransactionViewSet

app_name = "dinero-api"


class Root(APIRootView):
    """The addresses of the lists."""

    permission_classes = (IsAuthenticated,)
    renderer_classes = (JSONRenderer,)


router = DefaultRouter()
router.APIRootView = Root
router.include_format_suffixes = False
router.register("customers", CustomerViewSet, basename="customer")
router.register("cards", CardViewSet, basename="card")
router.register("transactions", TransactionViewSet, basename="transaction")

urlpatterns = router.urls
