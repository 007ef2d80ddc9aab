"""The page that adds a card to a customer.

The number is sent to the gateway within the request that brought it, and is kept nowhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero.admin import messages as admin_messages
from django_dinero.admin.gone import gone_error
from django_dinero.admin.history import note_open_end
from django_dinero.admin.related import rows_of
from django_dinero.admin.views.base import Fact, GatewayPage
from django_dinero.admin.views.once import first_use
from django_dinero.admin.views.safety import customer_text, link
from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.exceptions import DineroError, DuplicateCardError
from django_dinero.forms.cards import AddCardForm
from django_dinero.forms.posted import Posted
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard, Customer


class AddCardPage(GatewayPage):
    """``customer/<pk>/add-card/``."""

    permission = "dinero.add_stored_card"
    title = gettext_lazy("Add a card")
    button = gettext_lazy("Store card")
    fieldsets = [
        (None, {"fields": ["number", "month", "year", "cvv", "is_default"]}),
        (
            gettext_lazy("Billing address"),
            {"fields": list(ADDRESS_FIELDS)},
        ),
    ]

    def form(self, row: Customer, posted: Posted | None) -> AddCardForm:
        """Return the form, for the customer's gateway; a new one has the customer's names."""
        gateway = get_gateway(row.gateway_name)
        if posted is None:
            names = {"first_name": row.first_name, "last_name": row.last_name}
            return AddCardForm(initial=names, gateway=gateway)
        return AddCardForm(posted.data, gateway=gateway, misplaced=posted.misplaced)

    def why_not(self, row: Customer) -> DineroError | None:
        """Refuse a customer who has gone: no card can be added there."""
        return gone_error(row)

    def facts(self, request: HttpRequest, row: Customer) -> list[Fact]:
        facts = [
            (_("Customer"), self.name_of(request, row), link(request, "customer", row)),
            (_("Stored at"), row.gateway_name, ""),
        ]
        return [fact for fact in facts if fact[1]]

    def name_of(self, request: HttpRequest, row: Customer) -> str:
        """Return who it is; adding a card does not need the permission to see customers."""
        return customer_text(request, row)

    @sensitive_variables("form")
    def perform(self, request: HttpRequest, row: Customer, form: BaseForm) -> HttpResponseBase:
        """Store the card and write it into the histories of both."""
        assert isinstance(form, AddCardForm)  # noqa: S101 - tells the type checker
        key = form.cleaned_data["key"]
        if not first_use(request, key, row):
            text = _("This page was sent before and was not sent again. These are the cards now.")
            self.tell(request, text, messages.WARNING)
            return HttpResponseRedirect(self.home(request, row))
        card = row.add_card(**form.arguments())
        added: dict[str, Any] = {"name": str(card._meta.verbose_name), "object": str(card)}
        # Django shows the names alone; the key says that this page was sent.
        self.model_admin.log_change(request, row, [{"added": {**added, "key": key}}])
        self.model_admin.log_addition(request, card, [{"added": {}}])
        text = _("Stored at the gateway: %(card)s.") % {"card": card}
        self.tell(request, text, messages.SUCCESS)
        return HttpResponseRedirect(self.home(request, row))

    def explain(
        self, request: HttpRequest, row: Customer, error: DineroError
    ) -> admin_messages.Notice:
        """Return the notice, and log what is still open."""
        notice = admin_messages.of_card(error)
        note_open_end(self.model_admin, request, row, error, notice.title)
        if not isinstance(error, DuplicateCardError):
            return notice
        shown = rows_of(self.model_admin.admin_site, request, CreditCard)
        same = shown.filter(customer=row, card_id=error.card_id).first()
        return replace(notice, url=link(request, "creditcard", same), url_text=_("Open the card"))
