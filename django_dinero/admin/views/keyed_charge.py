"""The page that charges a card which somebody reads out, without a customer.

The number is sent to the gateway within the request that brought it, and is kept nowhere.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero import conf
from django_dinero.admin.display import card_text
from django_dinero.admin.views.asking import Guest
from django_dinero.admin.views.base import Fact
from django_dinero.admin.views.money import MoneyPage, taken_text
from django_dinero.exceptions import DineroError
from django_dinero.forms.keyed_charges import KeyedChargeForm
from django_dinero.forms.posted import Posted
from django_dinero.gateways.registry import gateways, get_gateway
from django_dinero.services.modes import no_real_money


class KeyedChargePage(MoneyPage):
    """``transaction/charge/``. There is no row that it is about."""

    permission = "dinero.charge_keyed_card"
    title = gettext_lazy("Charge a card by mail or telephone")
    button = gettext_lazy("Charge")
    sure = gettext_lazy("Yes, charge")
    fieldsets = [
        (
            None,
            {
                "fields": [
                    *("gateway_name", ("price", "currency"), "settle"),
                    *("order_reference", "description"),
                ]
            },
        ),
        (gettext_lazy("Card"), {"fields": ["number", ("month", "year"), "cvv"]}),
        (
            gettext_lazy("Billing address"),
            {
                "fields": [
                    *(("first_name", "last_name"), "company", "address"),
                    *(("city", "state"), ("zip", "country"), ("phone", "fax"), "email"),
                ]
            },
        ),
    ]

    def __call__(  # type: ignore[override]
        self, request: HttpRequest, *, posted: Posted
    ) -> HttpResponseBase:
        """Show the page (GET) or charge (POST)."""
        if not self.allowed(request, None):
            raise PermissionDenied
        return self.answer(request, None, posted)

    def allowed(self, request: HttpRequest, row: None) -> bool:
        """Say whether this user may charge a card that is typed in."""
        return self.model_admin.has_verb_permission(request, self.permission, None)

    def refusal(self, row: None) -> DineroError | None:
        """Offer it always."""
        return None

    def form(self, row: None, posted: Posted | None) -> KeyedChargeForm:
        """Return the form, for the gateway that was chosen; a new one has the first.

        Raises:
            InvalidInput: there is no such gateway.
        """
        # With a resolver any name may exist.
        names = [] if conf.gateway_resolver() else list(gateways)
        first = conf.DEFAULT_GATEWAY if conf.DEFAULT_GATEWAY in names or not names else names[0]
        if posted is None:
            initial = {"gateway_name": first}
            return KeyedChargeForm(gateway=get_gateway(first), gateways=names, initial=initial)
        gateway = get_gateway(str(posted.data.get("gateway_name") or first))
        return KeyedChargeForm(
            posted.data, gateway=gateway, gateways=names, misplaced=posted.misplaced
        )

    def facts(self, request: HttpRequest, row: None) -> list[Fact]:
        """Return what is different from a stored card."""
        text = _("The card is charged once and stored nowhere: not here, and not at the gateway.")
        return [(_("What happens"), text, "")]

    def is_for_tests(self, form: BaseForm) -> bool:
        """Say whether no gateway that can be chosen moves real money."""
        return no_real_money()

    def home(self, request: HttpRequest, *rows: Any) -> str:
        """Return the list where there is no row to lead to."""
        site, opts = self.model_admin.admin_site, self.model_admin.opts
        found = [row for row in rows if row is not None]
        if found or not self.model_admin.has_view_or_change_permission(request):
            return super().home(request, *found)
        name = f"admin:{opts.app_label}_{opts.model_name}_changelist"
        return reverse(name, current_app=site.name)

    @sensitive_variables("form")
    def perform(self, request: HttpRequest, row: None, form: BaseForm) -> HttpResponseBase:
        """Charge the card, or authorize the amount."""
        assert isinstance(form, KeyedChargeForm)  # noqa: S101 - tells the type checker
        gateway = form.gateway
        last_4 = form.cleaned_data["number"].reveal()[-4:]
        made = self.take(request, form, Guest(gateway.name, gateway.live, last_4))
        self.done(request, taken_text(made, card_text(made)), made.operation_key, made)
        return HttpResponseRedirect(self.home(request, made))
