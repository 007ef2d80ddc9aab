"""Webhook events, to look at, and the page that applies one again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_dinero.admin import search
from django_dinero.admin.base import ReadOnlyAdmin
from django_dinero.admin.display import NONE, anchor, mode_badge, state
from django_dinero.admin.filters import EventStateFilter, GatewayNameFilter, ModeFilter
from django_dinero.admin.layout import without_empty
from django_dinero.admin.ranges import ReceivedFilter
from django_dinero.admin.tools import tools_for
from django_dinero.admin.views.safety import sees
from django_dinero.models import CreditCard, Customer, Transaction, WebhookEvent

#: What an event is about -> the model of its row.
MODELS = {"customer": "customer", "card": "creditcard", "transaction": "transaction"}


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    """What gateways told by webhooks, and what became of it."""

    gateway_pages = {"replay": "django_dinero.admin.views.replay.ReplayPage"}
    bulk_pages = {
        "replay": "django_dinero.admin.views.bulk_vault.ReplayEvents",
    }
    ordering = ("-received_at", "-id")
    list_display = (
        "event_type",
        mode_badge,
        state,
        "object_id",
        "received_at",
        "gateway_name",
    )
    list_filter = (ReceivedFilter, ("state", EventStateFilter), GatewayNameFilter, ModeFilter)
    # What has an index. By state there is a filter.
    sortable_by = ("received_at",)
    search_condition = staticmethod(search.webhook_events)
    search_help_text = _(
        "Whole values: the gateway's id of the object or of the event, or a day such as 2026-11-28"
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "event_type",
                    "state",
                    "error",
                    "about",
                    "object_kind",
                    "object_id",
                    "customer_id",
                    "operation_key",
                    "gateway_name",
                    "mode",
                )
            },
        ),
        (_("What the gateway sent"), {"fields": ("event_id", "body_text")}),
        (
            _("When and by whom"),
            {
                "fields": (
                    "received_at",
                    "applied_at",
                    "next_try_at",
                    "attempts",
                    "lease_until",
                    "worker",
                )
            },
        ),
    )
    readonly_fields = ("mode", "about", "body_text", "lease_until", "worker", "received_at")

    def hidden_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Hide the row that an event is about from who may not see such rows."""
        name = MODELS.get(obj.object_kind) if obj is not None else None
        return ("about",) if name and not sees(request, name) else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what is empty."""
        return without_empty(self, request, self.fieldsets, obj) if obj else self.fieldsets

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Offer the verbs that this user may use."""
        row = context.get("original")
        if row is not None:
            context["tools"] = tools_for(self, request, row)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("row"))
    def about(self, event: WebhookEvent) -> str:
        """Return the row that it is about, with a link."""
        row = _row_of(event)
        if row is None:
            return NONE
        return anchor(self.admin_site, row._meta.model_name or "", row.pk, row)

    @admin.display(description=_("body"))
    def body_text(self, event: WebhookEvent) -> str:
        return format_html('<pre class="dinero-json">{}</pre>', event.body) if event.body else NONE


def _row_of(event: WebhookEvent) -> Transaction | Customer | CreditCard | None:
    account = {"gateway_name": event.gateway_name, "live": event.live}
    if event.object_kind == "customer":
        return Customer.objects.filter(**account, customer_id=event.object_id).first()
    if event.object_kind == "card":
        return CreditCard.objects.filter(**account, card_id=event.object_id).first()
    if event.object_kind != "transaction":
        return None
    rows = Transaction.objects.filter(**account, transaction_id=event.object_id)
    return rows.order_by("pk").first()
