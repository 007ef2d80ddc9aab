"""The journal, to look at, and the page that looks an operation up."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from django_dinero.admin import search
from django_dinero.admin.base import ReadOnlyAdmin
from django_dinero.admin.display import NONE, anchor, mode_badge, operation_amount, operation_state
from django_dinero.admin.filters import GatewayNameFilter, ModeFilter, StateFilter
from django_dinero.models import Customer, Operation, Transaction


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    """Every call that changes something at a gateway, with how it ended."""

    gateway_pages = {"look-up": "django_dinero.admin.views.look_up.LookUpPage"}
    list_display = (
        "key",
        mode_badge,
        "kind",
        operation_state,
        operation_amount,
        "created_at",
        "gateway_name",
    )
    list_filter = (("state", StateFilter), "kind", GatewayNameFilter, ModeFilter, "created_at")
    # What has an index. By state and kind there are filters.
    sortable_by = ("key", "created_at")
    search_condition = staticmethod(search.operations)
    search_help_text = _(
        "Whole values: operation key, idempotency key, lock name, transaction or customer id, the "
        "public id of a transaction, or a day such as 2026-11-28"
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "kind",
                    "state",
                    "key",
                    "money",
                    "made",
                    "customer",
                    "gateway_name",
                    "mode",
                )
            },
        ),
        (
            _("What was asked, and the answer"),
            {
                "fields": (
                    "intent_text",
                    "outcome_text",
                    "lock_name",
                    "customer_id",
                    "card_id",
                    "transaction_id",
                    "original",
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
                    "scope",
                    "idempotency_key",
                    "updated_at",
                )
            },
        ),
    )
    readonly_fields = (
        "mode",
        "money",
        "made",
        "customer",
        "original",
        "intent_text",
        "outcome_text",
        "attempts",
        "worker",
    )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Offer *look up* where it can help, to those who may."""
        original = context.get("original")
        look_up = self.gateway_page("look-up")
        context["may_look_up"] = (
            original is not None
            and look_up.allowed(request, original)
            and look_up.refusal(original) is None
        )
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("transaction"))
    def made(self, operation: Operation) -> str:
        """Return the transaction that it made, with a link."""
        return self._transaction(operation.key) or NONE

    @admin.display(description=_("original"))
    def original(self, operation: Operation) -> str:
        """Return the transaction that a capture, void or refund follows, with a link."""
        return self._transaction(operation.parent_key) or operation.parent_key or NONE

    def _transaction(self, key: str) -> str:
        row = Transaction.objects.filter(operation_key=key).first()
        return anchor(self.admin_site, "transaction", row.pk, row) if row is not None else ""

    @admin.display(description=_("customer"))
    def customer(self, operation: Operation) -> str:
        rows = Customer.objects.filter(gateway_name=operation.gateway_name)
        row = rows.filter(customer_id=operation.customer_id).first()
        return anchor(self.admin_site, "customer", row.pk, row) if row is not None else NONE

    @admin.display(description=_("amount"))
    def money(self, operation: Operation) -> str:
        return operation_amount(operation) or NONE

    @admin.display(description=_("asked"))
    def intent_text(self, operation: Operation) -> str:
        return _readable(operation.intent)

    @admin.display(description=_("answer"))
    def outcome_text(self, operation: Operation) -> str:
        return _readable(operation.outcome)


def _readable(values: dict[str, object]) -> str:
    text = json.dumps(values, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return format_html('<pre class="dinero-json">{}</pre>', text)
