"""The page that charges a stored card: one charge, however often the form is sent."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero.admin.display import expiry
from django_dinero.admin.gone import gone_error
from django_dinero.admin.views.base import Fact
from django_dinero.admin.views.money import MoneyPage, taken_text
from django_dinero.admin.views.safety import CHARGE, link
from django_dinero.exceptions import DineroError
from django_dinero.forms.charges import ChargeForm
from django_dinero.forms.posted import Posted
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard


class ChargePage(MoneyPage):
    """``creditcard/<pk>/charge/``."""

    permission = CHARGE
    title = gettext_lazy("Charge a card")
    button = gettext_lazy("Charge")
    sure = gettext_lazy("Yes, charge")
    fieldsets = [
        (
            None,
            {"fields": ["price", "currency", "settle", "order_reference", "description", "cvv"]},
        ),
    ]

    def rows(self, request: HttpRequest) -> QuerySet[CreditCard]:
        return super().rows(request).select_related("customer")

    def form(self, row: CreditCard, posted: Posted | None) -> ChargeForm:
        """Return the form, for the gateway that has the card."""
        gateway = get_gateway(row.gateway_name)
        if posted is None:
            return ChargeForm(gateway=gateway)
        return ChargeForm(posted.data, gateway=gateway, misplaced=posted.misplaced)

    def why_not(self, row: CreditCard) -> DineroError | None:
        """Refuse a card that has gone."""
        return gone_error(row)

    def watched(self, row: CreditCard) -> Any:
        """An open charge of another card is as good a reason not to charge this one."""
        return row.customer

    def near(self, row: CreditCard) -> tuple[Any, ...]:
        """Who may not see cards came from the customer."""
        return (row, row.customer)

    def facts(self, request: HttpRequest, row: CreditCard) -> list[Fact]:
        expires = expiry(row)
        shown = f"{row}, {expires}" if expires else str(row)
        return [
            (_("Card"), shown, link(request, "creditcard", row)),
            (_("Customer"), str(row.customer), link(request, "customer", row.customer)),
            (_("Stored at"), row.gateway_name, ""),
        ]

    @sensitive_variables("form")
    def perform(self, request: HttpRequest, row: CreditCard, form: BaseForm) -> HttpResponseBase:
        """Charge the card, or authorize the amount."""
        assert isinstance(form, ChargeForm)  # noqa: S101 - tells the type checker
        made = self.take(request, form, row)
        self.done(request, taken_text(made, str(row)), made.operation_key, row, made)
        return HttpResponseRedirect(self.home(request, made, *self.near(row)))
