"""Customers with their cards."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin import cascades, search
from django_dinero.admin.base import DineroAdmin
from django_dinero.admin.card_wording import expiry_marked
from django_dinero.admin.display import mode_badge, sync_state
from django_dinero.admin.filters import GatewayNameFilter, ModeFilter
from django_dinero.admin.gone import gone_text
from django_dinero.admin.layout import without_empty
from django_dinero.admin.push_errors import PushingAdmin
from django_dinero.admin.ranges import DaysFilter
from django_dinero.admin.related import latest_transactions, open_operations, paid_in_all, rows_of
from django_dinero.admin.tools import Tool, is_offered, tools_for
from django_dinero.admin.views.safety import CHARGE, address, link, page, sees
from django_dinero.forms.customers import CustomerForm
from django_dinero.forms.posted import Posted
from django_dinero.models import CreditCard, Customer
from django_dinero.models.sync_state import SyncState

#: Who may give a stored customer to another user.
CHANGE_OWNER = "dinero.change_customer_owner"


@admin.register(Customer)
class CustomerAdmin(PushingAdmin):
    """A list of customers; each with its cards, latest transactions and history."""

    form = CustomerForm
    #: The form of the page that adds a customer: a subclass of
    #: :class:`~django_dinero.forms.new_customers.AddCustomerForm`; that form itself if None.
    add_form: ClassVar[type[Any] | None] = None
    add_page = "django_dinero.admin.views.add_customer.AddCustomerPage"
    gateway_pages = {
        "add-card": "django_dinero.admin.views.add_card.AddCardPage",
        "push": "django_dinero.admin.views.sync.PushCustomerPage",
        "pull": "django_dinero.admin.views.sync.PullCustomerPage",
    }
    bulk_pages = {
        "push": "django_dinero.admin.views.bulk_vault.PushCustomers",
        "pull": "django_dinero.admin.views.bulk_vault.PullCustomers",
    }
    list_display = (
        "__str__",
        mode_badge,
        "name",
        "gateway_name",
        "push_state",
        "cards_column",
        "created_at",
    )
    list_filter = (DaysFilter, "sync_state", GatewayNameFilter, ModeFilter)
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
        """Return what a new customer needs, or all that there is of a stored one."""
        return without_empty(self, request, self.fieldsets, obj) if obj else self.add_fieldsets

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        """Look users up as one types, where the site can; else their keys are typed or chosen.

        Not named in ``autocomplete_fields``: Django refuses to start where the project's users have
        no admin, or one without ``search_fields``.
        """
        fields = super().get_autocomplete_fields(request)
        users = Customer._meta.get_field("owner").related_model
        if "owner" in fields or not self.admin_site.is_registered(users):
            return fields
        admin_of_users = self.admin_site.get_model_admin(users)
        may = admin_of_users.has_view_permission(request)
        searches = bool(admin_of_users.get_search_fields(request))
        return (*fields, "owner") if may and searches else fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A customer never moves to another gateway, and to another user by permission alone.

        An owner pays with the cards, and sees what was paid. Who adds a customer gives away no more
        than the card that was typed.
        """
        if obj is None:
            return self.readonly_fields
        kept = ["gateway_name"]
        if not self.has_verb_permission(request, CHANGE_OWNER, obj):
            kept.append("owner")
        return (*self.readonly_fields, *kept)

    @admin.display(description=gettext_lazy("name"), ordering="last_name")
    def name(self, customer: Customer) -> str:
        return f"{customer.first_name} {customer.last_name}".strip()

    @admin.display(description=gettext_lazy("cards"))
    def cards_column(self, customer: Customer) -> str:
        """Return how many cards there are, and the last four digits of the default one."""
        cards = list(customer.cards.all())
        default = customer.default_card
        return f"{len(cards)} (•••• {default.last_4})" if default else str(len(cards))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As Django's. It is asked too before a user is deleted, and says there what goes along."""
        may = super().has_delete_permission(request, obj)
        if may and obj is not None and cascades.is_elsewhere(request, Customer):
            cascades.note(request, obj)
        return may

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's addresses, with our page that adds, and with *charge*.

        *Charge* leads to the card's page. A project's own ``add_view`` is not hidden.
        """
        charge = path(
            "<int:pk>/charge/",
            self.without_numbers(page(self.admin_site, self.charge_view)),
            name="dinero_customer_charge",
        )
        adding = self.without_numbers(page(self.admin_site, self.add_customer))
        add = path("add/", adding, name="dinero_customer_add")
        own = type(self).add_view is not admin.ModelAdmin.add_view
        return [charge, *([] if own else [add]), *super().get_urls()]

    def add_customer(self, request: HttpRequest, *, posted: Posted) -> HttpResponseBase:
        """Show the page that adds a customer, with a card in the same form."""
        shown: HttpResponseBase = import_string(self.add_page)(self).view(request, posted=posted)
        return shown

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
        if not site.is_registered(CreditCard):
            return request.user.has_perm(CHARGE)
        cards = site.get_model_admin(CreditCard)
        return isinstance(cards, DineroAdmin) and cards.has_verb_permission(request, CHARGE, card)

    def _card_row(self, request: HttpRequest, card: CreditCard) -> dict[str, Any]:
        chargeable = self._may_charge(request, card) and card.sync_state != SyncState.MISSING
        charge = address(request, "creditcard_charge", card.pk) if chargeable else ""
        return {
            "card": card,
            "url": link(request, "creditcard", card),
            "charge_url": charge,
            "tools": [
                *([Tool(charge, _("Charge"))] if charge else []),
                *self._tools(request, card),
            ],
            "expiry": expiry_marked(card),
            "state": sync_state(card),
        }

    def _tools(self, request: HttpRequest, card: CreditCard) -> list[Tool]:
        """Return what else can be done to a card, where the site has an admin of ours for them."""
        site = self.admin_site
        cards = site.get_model_admin(CreditCard) if site.is_registered(CreditCard) else None
        if not isinstance(cards, DineroAdmin):
            return []
        return tools_for(cards, request, card, but=("charge", "validate", "pull"))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add the cards, the latest payments and their sums to a customer's page."""
        customer = context.get("original")
        if customer is not None:
            shown = rows_of(self.admin_site, request, CreditCard).filter(customer=customer)
            cards = [self._card_row(request, card) for card in shown.order_by("id")]
            context |= {
                "may_add_card": is_offered(self.gateway_page("add-card"), request, customer),
                "gone": gone_text(customer),
                "may_charge": any(row["charge_url"] for row in cards),
                "may_see_cards": self.admin_site.is_registered(CreditCard)
                and sees(request, "creditcard"),
                "tools": tools_for(self, request, customer, but=("add-card",)),
                "cards": cards,
                "paid": paid_in_all(self.admin_site, request, customer),
                "transactions": latest_transactions(self.admin_site, request, customer),
                "open_operations": open_operations(request, customer),
            }
        return super().render_change_form(request, context, *args, **kwargs)
