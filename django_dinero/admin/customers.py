"""Customers with their cards."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin import search
from django_dinero.admin.base import DineroAdmin
from django_dinero.admin.display import expiry, mode_badge, sync_state
from django_dinero.admin.filters import GatewayNameFilter, ModeFilter
from django_dinero.admin.push_errors import PushingAdmin
from django_dinero.admin.related import latest_transactions, open_operations, rows_of
from django_dinero.admin.views.safety import CHARGE, Posted, address, link, page, sees
from django_dinero.forms.customers import CustomerForm
from django_dinero.models import CreditCard, Customer
from django_dinero.models.sync_state import SyncState


@admin.register(Customer)
class CustomerAdmin(PushingAdmin):
    """A list of customers; each with its cards, latest transactions and history."""

    form = CustomerForm
    gateway_pages = {"add-card": "django_dinero.admin.views.add_card.AddCardPage"}
    list_display = (
        "__str__",
        mode_badge,
        "name",
        "gateway_name",
        "push_state",
        "cards_column",
        "created_at",
    )
    list_filter = ("sync_state", GatewayNameFilter, ModeFilter, "created_at")
    search_condition = staticmethod(search.customers)
    search_help_text = gettext_lazy(
        "Whole values: e-mail, name, last four digits of a card, customer id or key, public id, or "
        "a day such as 2026-11-28"
    )
    raw_id_fields = ("owner",)
    fieldsets = (
        (None, {"fields": ("gateway_name", "email", "first_name", "last_name", "owner")}),
        (
            gettext_lazy("At the gateway"),
            {
                "fields": (
                    "mode",
                    "customer_id",
                    "customer_key",
                    "push_state",
                    "sync_error",
                    "created_at",
                )
            },
        ),
    )
    add_fieldsets = fieldsets[:1]
    readonly_fields = (
        "mode",
        "customer_id",
        "customer_key",
        "push_state",
        "sync_error",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        """Return customers with their cards: two queries for any list."""
        return super().get_queryset(request).prefetch_related("cards")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return what a new customer needs, or all of a stored one."""
        return self.fieldsets if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A customer never moves to another gateway."""
        return (*self.readonly_fields, "gateway_name") if obj else self.readonly_fields

    @admin.display(description=gettext_lazy("name"), ordering="last_name")
    def name(self, customer: Customer) -> str:
        return f"{customer.first_name} {customer.last_name}".strip()

    @admin.display(description=gettext_lazy("cards"))
    def cards_column(self, customer: Customer) -> str:
        """Return how many cards there are, and the last four digits of the default one."""
        cards = list(customer.cards.all())
        default = customer.default_card
        return f"{len(cards)} (•••• {default.last_4})" if default else str(len(cards))

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's addresses with that of *charge*, which leads to the card's page."""
        charge = path(
            "<int:pk>/charge/",
            page(self.admin_site, self.charge_view),
            name="dinero_customer_charge",
        )
        return [charge, *super().get_urls()]

    def charge_view(self, request: HttpRequest, pk: int, *, posted: Posted) -> HttpResponseBase:
        """Lead to the page that charges this customer's default card."""
        customer = self.get_queryset(request).filter(pk=pk).first()
        card = customer.default_card if customer is not None else None
        if not self._may_charge(request, card) or self.hides(request, customer):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if customer is None:
            raise Http404
        if card is not None:
            there = address(request, "creditcard_charge", card.pk)
            if not there:
                raise Http404(_("This site has no page for cards."))
            return HttpResponseRedirect(there)
        # Django begins a message with a capital, and an e-mail address shall stay as it is.
        text = _("Add a card first: %(customer)s has none to charge.") % {"customer": customer}
        self.message_user(request, text, messages.WARNING)
        index = reverse("admin:index", current_app=self.admin_site.name)
        return HttpResponseRedirect(link(request, "customer", customer) or index)

    def _may_charge(self, request: HttpRequest, card: CreditCard | None) -> bool:
        """Say whether this user may charge a card, as the page that does it will say."""
        site = self.admin_site
        if card is None or not site.is_registered(CreditCard):
            return request.user.has_perm(CHARGE)
        cards = site.get_model_admin(CreditCard)
        return isinstance(cards, DineroAdmin) and cards.has_verb_permission(request, CHARGE, card)

    def _card_row(self, request: HttpRequest, card: CreditCard) -> dict[str, Any]:
        chargeable = self._may_charge(request, card) and card.sync_state != SyncState.MISSING
        return {
            "card": card,
            "url": link(request, "creditcard", card),
            "charge_url": address(request, "creditcard_charge", card.pk) if chargeable else "",
            "expiry": expiry(card),
            "state": sync_state(card),
        }

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add the cards and the latest transactions to a customer's page."""
        customer = context.get("original")
        if customer is not None:
            shown = rows_of(self.admin_site, request, CreditCard).filter(customer=customer)
            cards = [self._card_row(request, card) for card in shown.order_by("id")]
            context |= {
                "may_add_card": self.gateway_page("add-card").allowed(request, customer),
                "may_charge": any(row["charge_url"] for row in cards),
                "may_see_cards": sees(request, "creditcard"),
                "cards": cards,
                "transactions": latest_transactions(self.admin_site, request, customer),
                "open_operations": open_operations(request, customer),
            }
        return super().render_change_form(request, context, *args, **kwargs)
