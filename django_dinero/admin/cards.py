"""Stored cards: what may be shown of them, what may be changed, and the page that charges one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_dinero.admin import search
from django_dinero.admin.card_wording import expiry_marked
from django_dinero.admin.display import anchor, expiry, mode_badge
from django_dinero.admin.filters import BrandFilter, GatewayNameFilter, ModeFilter
from django_dinero.admin.gone import gone_text
from django_dinero.admin.layout import without_empty
from django_dinero.admin.push_errors import PushingAdmin
from django_dinero.admin.ranges import DaysFilter
from django_dinero.admin.related import latest_transactions, open_operations, paid_in_all
from django_dinero.admin.todo import CardTodoFilter
from django_dinero.admin.tools import tools_for
from django_dinero.cards import ADDRESS_FIELDS
from django_dinero.forms.stored_cards import StoredCardForm
from django_dinero.models import CreditCard


@admin.register(CreditCard)
class CreditCardAdmin(PushingAdmin):
    """A list of cards; address, expiry date and default are editable, the number is nowhere."""

    form = StoredCardForm
    gateway_pages = {
        "charge": "django_dinero.admin.views.charge.ChargePage",
        "make-default": "django_dinero.admin.views.card_verbs.MakeDefaultPage",
        "validate": "django_dinero.admin.views.card_verbs.ValidatePage",
        "push": "django_dinero.admin.views.sync.PushCardPage",
        "pull": "django_dinero.admin.views.sync.PullCardPage",
    }
    bulk_pages = {
        "push": "django_dinero.admin.views.bulk_vault.PushCards",
        "pull": "django_dinero.admin.views.bulk_vault.PullCards",
    }
    list_display = (
        "__str__",
        mode_badge,
        "customer",
        expiry,
        "default",
        "gateway_name",
        "push_state",
    )
    list_filter = (
        CardTodoFilter,
        DaysFilter,
        "sync_state",
        BrandFilter,
        GatewayNameFilter,
        ModeFilter,
    )
    list_prefetch_related = ("customer",)
    customer_fields = ("customer", "customer_link")
    search_condition = staticmethod(search.cards)
    search_help_text = _(
        "Whole values: last four digits, the customer's e-mail or name, card or customer id, "
        "public id, or a day such as 2026-11-28"
    )
    readonly_fields = (
        "customer_link",
        "shown",
        "expires",
        "default",
        "gateway_name",
        "mode",
        "customer_id",
        "card_id",
        "push_state",
        "sync_error",
        "created_at",
    )
    fieldsets = (
        (None, {"fields": ("shown", "customer_link", "expires", "month", "year", "is_default")}),
        (
            _("Billing address"),
            {"fields": ADDRESS_FIELDS},
        ),
        (
            _("At the gateway"),
            {
                "fields": (
                    "gateway_name",
                    "mode",
                    "customer_id",
                    "card_id",
                    "push_state",
                    "sync_error",
                    "created_at",
                )
            },
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look gets a sign in place of the form's tick box, which no row has."""
        if self.has_change_permission(request, obj):
            return without_empty(self, request, self.fieldsets, obj)
        shown = (None, {"fields": ("shown", "customer_link", "expires", "default")})
        return without_empty(self, request, (shown, *self.fieldsets[1:]), obj)

    @admin.display(description=_("expires"))
    def expires(self, card: CreditCard) -> str:
        """Return month and year, and whether that is past or near."""
        return expiry_marked(card)

    @admin.display(description=_("default"), boolean=True, ordering="default_of")
    def default(self, card: CreditCard) -> bool:
        """Return whether it is charged when only the customer is named."""
        return card.is_default

    @admin.display(description=_("card"))
    def shown(self, card: CreditCard) -> str:
        return str(card)

    @admin.display(description=_("customer"))
    def customer_link(self, card: CreditCard) -> str:
        """Return the customer, with a link to the page."""
        return anchor(self.admin_site, "customer", card.customer_pk, card.customer)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A card is added on its customer's page, where the number can be typed."""
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add the latest payments and what is open, and the verbs that this user may use."""
        card = context.get("original")
        if card is not None:
            context |= {
                "gone": gone_text(card),
                "tools": tools_for(self, request, card),
                "paid": paid_in_all(self.admin_site, request, card),
                "transactions": latest_transactions(self.admin_site, request, card),
                "open_operations": open_operations(request, card),
            }
        return super().render_change_form(request, context, *args, **kwargs)
