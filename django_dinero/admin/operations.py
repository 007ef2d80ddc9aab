"""The journal, to look at."""

from __future__ import annotations

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_dinero.admin.base import ReadOnlyAdmin
from django_dinero.admin.columns import asked
from django_dinero.models import Operation


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    """Every call that changes something at a gateway, with how it ended."""

    list_display = (
        "key",
        "kind",
        "state",
        asked,
        "gateway_name",
        "target",
        "created_at",
        "sent_at",
    )
    list_filter = ("state", "kind", "gateway_name", "created_at")
    search_fields = (
        "key",
        "client_key",
        "target",
        "customer_id",
        "card_id",
        "transaction_id",
        "parent_key",
    )
    search_help_text = _("Operation key, idempotency key, target or ids of the gateway")
    date_hierarchy = "created_at"
    fieldsets = (
        (None, {"fields": (("kind", "state"), "key", "money", "gateway_name", "target")}),
        (
            _("What was asked, and what came"),
            {
                "fields": (
                    "asked_text",
                    "came_text",
                    "customer_id",
                    "card_id",
                    "transaction_id",
                    "parent_key",
                )
            },
        ),
        (
            _("When and by whom"),
            {
                "fields": (
                    "created_at",
                    "sent_at",
                    "lease_until",
                    "quarantine_until",
                    "next_check_at",
                    "attempts",
                    "worker",
                    ("scope", "client_key"),
                    "updated_at",
                )
            },
        ),
    )
    readonly_fields = ("money", "asked_text", "came_text", "attempts", "worker")

    @admin.display(description=_("amount"))
    def money(self, operation: Operation) -> str:
        """Return amount and currency."""
        return asked(operation)

    @admin.display(description=_("asked"))
    def asked_text(self, operation: Operation) -> str:
        """Return the intent, readable."""
        return _readable(operation.intent)

    @admin.display(description=_("came"))
    def came_text(self, operation: Operation) -> str:
        """Return the outcome, readable."""
        return _readable(operation.outcome)


def _readable(values: dict[str, object]) -> str:
    text = json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return format_html('<pre class="dinero-json">{}</pre>', text)
