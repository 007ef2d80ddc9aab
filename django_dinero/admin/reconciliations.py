"""The runs of reconcile and the differences that they found."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from django_dinero.admin import search
from django_dinero.admin.base import ReadOnlyAdmin
from django_dinero.admin.difference_stories import story_of_difference
from django_dinero.admin.display import (
    NONE,
    anchor,
    mode_badge,
    money,
    state,
)
from django_dinero.admin.filters import GatewayNameFilter, ModeFilter
from django_dinero.admin.layout import without_empty
from django_dinero.admin.tools import can_close, tools_for
from django_dinero.models import Customer, Difference, Operation, Reconciliation, Transaction
from django_dinero.models.reconcile_counts import counted, in_order


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    """When each gateway was reconciled, how it ended and what was counted."""

    ordering = ("-id",)
    list_display = (
        "started_at",
        "gateway_name",
        mode_badge,
        state,
        "counted",
    )
    list_filter = ("state", GatewayNameFilter, ModeFilter)
    sortable_by = ("started_at",)
    search_fields = ("=gateway_name",)
    search_help_text = _("The name of a gateway")
    fields = (
        "gateway_name",
        "mode",
        "state",
        "started_at",
        "ended_at",
        "since",
        "is_watermark",
        "phases",
        "counted",
        "error",
    )
    readonly_fields = ("mode", "phases", "counted", "started_at")

    @admin.display(description=_("counts"))
    def counted(self, run: Reconciliation) -> str:
        """Return what was counted, but for what is none."""
        found = [(counted(name, count),) for name, count in in_order(run.counts) if count]
        return format_html_join("", "<div>{}</div>", found) or NONE

    @admin.display(description=_("phases done"))
    def phases(self, run: Reconciliation) -> str:
        return ", ".join(run.phases_done) or NONE


@admin.register(Difference)
class DifferenceAdmin(ReadOnlyAdmin):
    """Where the books disagree, and the page that closes what somebody has explained."""

    gateway_pages = {"close": "django_dinero.admin.views.close_difference.CloseDifferencePage"}
    bulk_pages = {
        "close": "django_dinero.admin.views.bulk_vault.CloseDifferences",
    }
    ordering = ("-id",)
    list_display = (
        "subject",
        mode_badge,
        "kind",
        state,
        "here",
        "there",
        "last_seen_at",
        "gateway_name",
    )
    list_filter = ("state", "kind", GatewayNameFilter, ModeFilter)
    sortable_by = ("subject", "last_seen_at")
    search_condition = staticmethod(search.differences)
    search_help_text = _(
        "Whole values: what it is about, or the id of a transaction, operation, customer or card"
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "kind",
                    "subject",
                    "what_was_found",
                    "state",
                    "here",
                    "there",
                    "day",
                    "gateway_name",
                    "mode",
                )
            },
        ),
        (_("What it concerns"), {"fields": ("transaction", "operation", "customer", "card_id")}),
        (_("When"), {"fields": ("first_seen_at", "last_seen_at", "times_seen", "ended_at")}),
        (_("How it was closed"), {"fields": ("note", "closed_by")}),
    )
    readonly_fields = (
        *("mode", "here", "there", "transaction", "operation", "customer"),
        *("first_seen_at", "last_seen_at", "what_was_found"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what is empty."""
        return without_empty(self, request, self.fieldsets, obj) if obj else self.fieldsets

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Tell what it means and what to do next, and offer the verbs that this user may use."""
        row = context.get("original")
        if row is not None:
            tools = tools_for(self, request, row)
            context |= {
                "tools": tools,
                "can_close": can_close(tools),
                "story": story_of_difference(row),
                "state": state(row),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("what was found"))
    def what_was_found(self, row: Difference) -> str:
        """Return the sentence in the reader's language."""
        return row.shown_text

    @admin.display(description=_("here"))
    def here(self, row: Difference) -> str:
        return money(row.amount_here, row.currency) or NONE

    @admin.display(description=_("at the gateway"))
    def there(self, row: Difference) -> str:
        return money(row.amount_there, row.currency) or NONE

    @admin.display(description=_("transaction"))
    def transaction(self, row: Difference) -> str:
        """Return the id, with a link where there is a row."""
        if not row.transaction_id:
            return NONE
        rows = Transaction.objects.filter(
            gateway_name=row.gateway_name,
            live=row.live,
            transaction_id=row.transaction_id,
        )
        found = rows.order_by("pk").first()
        return anchor(self.admin_site, "transaction", found and found.pk, row.transaction_id)

    @admin.display(description=_("operation"))
    def operation(self, row: Difference) -> str:
        """Return the key, with a link where the journal knows it."""
        if not row.operation_key:
            return NONE
        found = Operation.objects.filter(key=row.operation_key).first()
        return anchor(self.admin_site, "operation", found and found.pk, row.operation_key)

    @admin.display(description=_("customer"))
    def customer(self, row: Difference) -> str:
        """Return the id, with a link where there is a row."""
        if not row.customer_id:
            return NONE
        rows = Customer.objects.filter(gateway_name=row.gateway_name, live=row.live)
        found = rows.filter(customer_id=row.customer_id).first()
        return anchor(self.admin_site, "customer", found and found.pk, row.customer_id)
