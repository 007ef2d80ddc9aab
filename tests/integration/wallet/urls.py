"""A shop with two pages."""

from __future__ import annotations

from decimal import Decimal

from django.http import Http404
from django.urls import path

from django_dinero.wallet.views import CardsView, Payable, PayView, WalletMixin

PRICES = {"A-1": Decimal("1250.50"), "A-2": Decimal("20.00")}


class Cards(CardsView):
    template_name = "cards.html"


class Bare(WalletMixin):
    """A view of the project's own, without a template."""


class Pay(PayView):
    template_name = "pay.html"

    def get_order(self) -> Payable:
        reference = self.kwargs["reference"]
        if reference not in PRICES:
            raise Http404
        return Payable(reference, PRICES[reference], "USD", "Two beers")


class PayByQuery(Pay):
    """A shop whose order stands in the query."""

    def get_order(self) -> Payable:
        self.kwargs["reference"] = self.request.GET.get("order", "")
        return super().get_order()


urlpatterns = [
    path("cards/", Cards.as_view()),
    path("bare/", Bare.as_view()),
    path("pay/", PayByQuery.as_view()),
    path("pay/<str:reference>/", Pay.as_view()),
]
