"""Transactions, to look at, and the pages that follow them up."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_dinero.admin import search
from django_dinero.admin.base import ReadOnlyAdmin
from django_dinero.admin.display import (
    NONE,
    anchor,
    mode_badge,
    transaction_amount,
    transaction_status,
)
from django_dinero.admin.filters import GatewayNameFilter, ModeFilter, StatusFilter
from django_dinero.admin.related import open_operations, rows_of, transaction_rows
from django_dinero.models import Operation, Transaction


@admin.register(Transaction)
class TransactionAdmin(ReadOnlyAdmin):
    """A list of transactions; each with those that followed it and the operation that made it."""

    gateway_pages = {
        "capture": "django_dinero.admin.views.followups.CapturePage",
        "refund": "django_dinero.admin.views.followups.RefundPage",
        "void": "django_dinero.admin.views.followups.VoidPage",
    }
    list_display = (
        "amount",
        mode_badge,
        "kind",
        transaction_status,
        "created_at",
        "order_reference",
        "card_shown",
        "customer_link",
    )
    list_filter = (("status", StatusFilter), "kind", GatewayNameFilter, ModeFilter, "created_at")
    list_select_related = ("customer",)
    # What has an index. By status and kind there are filters, by customer the search.
    sortable_by = ("amount", "created_at", "order_reference", "card_shown")
    search_condition = staticmethod(search.transactions)
    search_help_text = _(
        "Whole values: transaction, customer or card id, public id, operation key, order "
        "reference, last four digits, the customer's e-mail, an amount such as 12.50 or 1200 JPY, "
        "or a day such as 2026-11-28"
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "kind",
                    "status",
                    "amount",
                    "card_shown",
                    "customer_link",
                    "order_reference",
                    "description",
                    "parent",
                    "created_at",
                )
            },
        ),
        (
            _("At the gateway"),
            {
                "fields": (
                    "gateway_name",
                    "mode",
                    "transaction_id",
                    "operation",
                    "auth_code",
                    "avs",
                    "cvv",
                    "network_transaction_id",
                    "reason",
                    "gateway_code",
                    "gateway_text",
                    "updated_at",
                )
            },
        ),
        (
            _("Who"),
            {
                "fields": (
                    "owner",
                    "initiator",
                    "customer_ip",
                    "customer_id",
                    "card_id",
                    "public_id",
                )
            },
        ),
    )
    readonly_fields = ("mode", "amount", "card_shown", "customer_link", "operation")

    @admin.display(description=_("amount"), ordering="price")
    def amount(self, row: Transaction) -> str:
        return transaction_amount(row)

    @admin.display(description=_("card"), ordering="last_4")
    def card_shown(self, row: Transaction) -> str:
        """Return brand and last four digits, of a deleted card too."""
        shown = f"{row.brand} •••• {row.last_4}".strip() if row.last_4 else ""
        return anchor(self.admin_site, "creditcard", row.card_pk, shown) if shown else NONE

    @admin.display(description=_("customer"), ordering="customer__email")
    def customer_link(self, row: Transaction) -> str:
        """Return the customer with a link, or the gateway's id of one that was deleted."""
        if row.customer is None:
            return str(row.customer_id) or NONE
        return anchor(self.admin_site, "customer", row.customer.pk, row.customer)

    @admin.display(description=_("operation"))
    def operation(self, row: Transaction) -> str:
        """Return the operation's key, with a link to the journal where it has it."""
        found = Operation.objects.filter(key=row.operation_key or "").first()
        return anchor(self.admin_site, "operation", found and found.pk, row.operation_key or NONE)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add the follow-ups of a transaction, and the pages that make one."""
        original = context.get("original")
        if original is not None:
            pages = {name: self.gateway_page(name) for name in self.gateway_pages}
            context["tools"] = [
                {"name": f"admin:dinero_transaction_{name}", "label": page.button}
                for name, page in pages.items()
                if page.allowed(request, original) and page.refusal(original) is None
            ]
            children = rows_of(self.admin_site, request, Transaction).filter(parent=original)
            context["children"] = transaction_rows(request, children.order_by("id"))
            context["open_operations"] = open_operations(request, original)
        return super().render_change_form(request, context, *args, **kwargs)
