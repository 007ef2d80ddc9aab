from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.generic import TemplateView

from django_dinero.models import Transaction
from django_dinero.models.transaction_status import COUNTED
from django_dinero.wallet.views import CardsView, Payable, PayView
from example_project.settings import SHOP_GATEWAY
from example_project.shop.models import Order

TEAS = {
    "Morning Harbour": Decimal("12.50"),
    "Smoked Pine": Decimal("16.00"),
    "Green Terrace": Decimal("14.25"),
}


class Shelf(LoginRequiredMixin, TemplateView):
    template_name = "shop/shelf.html"
    extra_context = {"teas": TEAS, "currency": "USD"}

    def post(self, request: HttpRequest) -> HttpResponse:
        title = request.POST.get("tea", "")
        if title not in TEAS:
            return redirect("shop:shelf")
        order = Order.objects.create(user=request.user, title=title, price=TEAS[title])
        return redirect("shop:order", order.reference)


class Orders(LoginRequiredMixin, TemplateView):
    template_name = "shop/orders.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        payments = Transaction.objects.paid_for(OuterRef("reference"), gateway_name=SHOP_GATEWAY)
        paid = Exists(payments.filter(status__in=COUNTED))
        orders = Order.objects.filter(user=self.request.user).annotate(paid=paid)
        return super().get_context_data(orders=orders, **kwargs)


class Cards(CardsView):
    template_name = "shop/cards.html"
    gateway_name = SHOP_GATEWAY


class OrderPage(PayView):
    template_name = "shop/order.html"
    gateway_name = SHOP_GATEWAY

    def get_order(self) -> Payable:
        order: Any = get_object_or_404(
            Order, reference=self.kwargs["reference"], user=self.request.user
        )
        return Payable(order.reference, order.price, "USD", order.title)
