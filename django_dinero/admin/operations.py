"""The journal, to look at, and the pages that look an operation up and bring it to its end."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from django_dinero.admin import search
from django_dinero.admin.base import ReadOnlyAdmin
from django_dinero.admin.display import (
    NONE,
    anchor,
    mode_badge,
    operation_amount,
    short_time,
    state,
)
from django_dinero.admin.fetched import fetched
from django_dinero.admin.filters import ChoiceFilter, GatewayNameFilter, ModeFilter, StateFilter
from django_dinero.admin.layout import without_empty
from django_dinero.admin.ranges import DaysFilter
from django_dinero.admin.stories import story_of
from django_dinero.admin.todo import OperationTodoFilter
from django_dinero.admin.tools import can_close, tools_for
from django_dinero.admin.views.safety import sees
from django_dinero.models import Customer, Operation, Transaction

#: What reads the journal's records for a page: services, which nothing needs at the start.
FACTS = "django_dinero.admin.operation_facts.facts_of"


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    """Every call that changes something at a gateway, with how it ended."""

    gateway_pages = {
        "look-up": "django_dinero.admin.views.look_up.LookUpPage",
        "retry": "django_dinero.admin.views.retry.RetryPage",
        "close": "django_dinero.admin.views.close_operation.CloseOperationPage",
    }
    bulk_pages = {
        "look-up": "django_dinero.admin.views.bulk_vault.LookUpOperations",
    }
    list_display = (
        "key",
        mode_badge,
        "kind",
        state,
        operation_amount,
        "created",
        "gateway_name",
    )
    list_filter = (
        OperationTodoFilter,
        DaysFilter,
        ("state", StateFilter),
        ("kind", ChoiceFilter),
        GatewayNameFilter,
        ModeFilter,
    )
    # What has an index. By state and kind there are filters.
    sortable_by = ("key", "created")
    customer_fields = ("customer",)
    search_condition = staticmethod(search.operations)
    search_help_text = _(
        "Whole values: operation key, idempotency key, lock name, transaction or customer id, the "
        "public id of a transaction, or a day such as 2026-11-28"
    )
    fieldsets = (
        (None, {"fields": ("key", "made", "customer", "original", "gateway_name", "mode")}),
        (_("Ids at the gateway"), {"fields": ("customer_id", "card_id", "transaction_id")}),
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
                    "lock_name",
                    "scope",
                    "idempotency_key",
                    "updated_at",
                ),
                "classes": ("collapse",),
            },
        ),
    )
    readonly_fields = ("mode", "made", "customer", "original", "attempts", "worker")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what is empty."""
        return without_empty(self, request, self.fieldsets, obj) if obj else self.fieldsets

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Tell what happened and what to do next, and offer the verbs that this user may use."""
        operation = context.get("original")
        if operation is not None:
            tools = tools_for(self, request, operation)
            found = fetched(operation)
            context |= {
                "tools": tools,
                "can_close": can_close(tools),
                "story": story_of(operation, found),
                "found": found.lines(self.admin_site, request),
                "state": state(operation),
                "amount": operation_amount(operation),
                **import_string(FACTS)(operation, with_email=sees(request, "customer")),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, operation: Operation) -> str:
        return short_time(operation.created_at)

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
        rows = Customer.objects.filter(gateway_name=operation.gateway_name, live=operation.live)
        row = rows.filter(customer_id=operation.customer_id).first()
        return anchor(self.admin_site, "customer", row.pk, row) if row is not None else NONE
