"""Transactions, to look at, and the pages that follow them up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from django_dinero.admin import search
from django_dinero.admin.badges import transaction_standing
from django_dinero.admin.base import ReadOnlyAdmin
from django_dinero.admin.card_checks import AVS, CVV, Check, check_of
from django_dinero.admin.display import (
    NONE,
    anchor,
    breakable,
    card_html,
    initiator_text,
    short_time,
    transaction_amount,
    transaction_kind,
)
from django_dinero.admin.filters import (
    ChoiceFilter,
    GatewayNameFilter,
    ModeFilter,
    RefundedFilter,
    StatusFilter,
)
from django_dinero.admin.layout import without_empty
from django_dinero.admin.lists import TransactionChangeList
from django_dinero.admin.ranges import AmountsFilter, DaysFilter
from django_dinero.admin.related import open_operations
from django_dinero.admin.todo import TransactionTodoFilter
from django_dinero.admin.tools import tools_for
from django_dinero.admin.views.reasons import reason_text
from django_dinero.models import Operation, Transaction, journal_notes
from django_dinero.models.family import FOLLOWING
from django_dinero.models.transaction_status import TransactionStatus

#: What reads the payment for its page: it brings services along, which nothing needs before.
PAYMENT = "django_dinero.admin.payment.payment"


@admin.register(Transaction)
class TransactionAdmin(ReadOnlyAdmin):
    """A list of transactions; each with those that followed it and the operation that made it."""

    gateway_pages = {
        "capture": "django_dinero.admin.views.followups.CapturePage",
        "refund": "django_dinero.admin.views.followups.RefundPage",
        "void": "django_dinero.admin.views.followups.VoidPage",
        "approve": "django_dinero.admin.views.reviews.ApprovePage",
        "decline": "django_dinero.admin.views.reviews.DeclinePage",
        "refresh": "django_dinero.admin.views.refresh.RefreshPage",
    }
    list_pages = {"charge": "django_dinero.admin.views.keyed_charge.KeyedChargePage"}
    bulk_pages = {
        "capture": "django_dinero.admin.views.bulk_transactions.BulkCapturePage",
        "void": "django_dinero.admin.views.bulk_transactions.BulkVoidPage",
        "refund": "django_dinero.admin.views.bulk_transactions.BulkRefundPage",
        "refresh": "django_dinero.admin.views.bulk_transactions.BulkRefreshPage",
    }
    list_display = (
        "amount",
        transaction_standing,
        transaction_kind,
        "made",
        "order_reference",
        "card_shown",
        "customer_link",
    )
    list_filter = (
        TransactionTodoFilter,
        DaysFilter,
        ("status", StatusFilter),
        RefundedFilter,
        ("kind", ChoiceFilter),
        AmountsFilter,
        GatewayNameFilter,
        ModeFilter,
    )
    # Not joined: of a late page, the customers of all rows before it would be looked up, too.
    list_prefetch_related = ("customer", FOLLOWING)
    # A user's name may be an e-mail address, too.
    customer_fields = ("customer_link", "owner")
    # What has an index. By status and kind there are filters, by customer the search.
    sortable_by = ("amount", "made", "order_reference", "card_shown")
    search_condition = staticmethod(search.transactions)
    search_help_text = _(
        "Whole values: transaction, customer or card id, public id, operation key, order "
        "reference, last four digits, the customer's e-mail or name, an amount such as 12.50 or "
        "1200 JPY, or a day such as 2026-11-28"
    )
    fieldsets = (
        (
            _("Payment"),
            {
                "fields": (
                    "order_reference",
                    "description",
                    "customer_link",
                    "card_shown",
                    "address_check",
                    "code_check",
                    "owner",
                    "started_by",
                    "customer_ip",
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
                    "auth_code",
                    "reason_shown",
                    "gateway_code",
                    "gateway_said",
                    "settled_at",
                    "batch_id",
                    "network_transaction_id",
                    "customer_id",
                    "card_id",
                )
            },
        ),
        (
            _("For the record"),
            {"fields": ("operation", "public_id", "created_at", "updated_at")},
        ),
    )
    readonly_fields = (
        *("mode", "amount", "card_shown", "customer_link", "operation"),
        *("address_check", "code_check", "started_by", "reason_shown"),
        "gateway_said",
    )

    class Media:
        css = {"all": ["dinero/admin/payment.css"]}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what is empty."""
        fieldsets = super().get_fieldsets(request, obj)
        return without_empty(self, request, fieldsets, obj) if obj else fieldsets

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's addresses with that of the overview, one for each site."""
        overview = import_string("django_dinero.admin.views.overview.Overview")(self)
        view = self.admin_site.admin_view(overview)
        return [path("overview/", view, name="dinero_overview"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[TransactionChangeList]:
        """Return the class of the list, which adds its rows up."""
        return TransactionChangeList

    @admin.display(description=_("amount"), ordering="price")
    def amount(self, row: Transaction) -> str:
        return transaction_amount(row)

    @admin.display(description=_("created"), ordering="created_at")
    def made(self, row: Transaction) -> str:
        return short_time(row.created_at)

    @admin.display(description=_("card"), ordering="last_4")
    def card_shown(self, row: Transaction) -> str:
        """Return brand and last four digits, of a deleted card too."""
        shown = card_html(row)
        return anchor(self.admin_site, "creditcard", row.card_pk, shown) if shown else NONE

    @admin.display(description=_("customer"), ordering="customer__email")
    def customer_link(self, row: Transaction) -> str:
        """Return the customer with a link, or the gateway's id of one that was deleted."""
        if row.customer is None:
            return str(row.customer_id) or NONE
        shown = breakable(row.customer)
        return anchor(self.admin_site, "customer", row.customer.pk, shown)

    @admin.display(description=_("address check (AVS)"))
    def address_check(self, row: Transaction) -> str:
        """Return what the letter of the address check means."""
        return _check(AVS, row.avs)

    @admin.display(description=_("card code check (CVV)"))
    def code_check(self, row: Transaction) -> str:
        """Return what the letter of the card code check means."""
        return _check(CVV, row.cvv)

    @admin.display(description=_("started by"))
    def started_by(self, row: Transaction) -> str:
        """Return whether the cardholder was there."""
        return initiator_text(row.initiator)

    @admin.display(description=_("reason"))
    def reason_shown(self, row: Transaction) -> str:
        """Return in words why it was refused, or is not decided."""
        refused = (TransactionStatus.DECLINED, TransactionStatus.FAILED)
        return reason_text(row.reason, is_refused=row.status in refused)

    @admin.display(description=_("gateway text"))
    def gateway_said(self, row: Transaction) -> str:
        """Return what the gateway said, and in the reader's language what is ours of it."""
        return journal_notes.shown(row.gateway_text)

    @admin.display(description=_("operation"))
    def operation(self, row: Transaction) -> str:
        """Return the operation's key, with a link to the journal where it has it."""
        found = Operation.objects.filter(key=row.operation_key or "").first()
        return anchor(self.admin_site, "operation", found and found.pk, row.operation_key or NONE)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Add the page that charges a card without a customer."""
        tools = [
            {"name": f"admin:dinero_transaction_{name}", "label": page.title}
            for name, page in ((name, self.list_page(name)) for name in self.list_pages)
            if page.allowed(request, None)
        ]
        return super().changelist_view(request, {"list_tools": tools, **(extra_context or {})})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Add what happened to the payment, and the pages that make something happen."""
        original = context.get("original")
        if original is not None:
            context["tools"] = tools_for(self, request, original)
            payment = import_string(PAYMENT)
            context["payment"] = payment(self.admin_site, request, original)
            context["open_operations"] = open_operations(request, original)
            # The page's own head says what it is, and how it stands.
            name = original.order_reference or original.transaction_id or original.pk
            context |= {"title": _("Transaction %(name)s") % {"name": name}, "subtitle": None}
        return super().render_change_form(request, context, *args, **kwargs)


def _check(letters: Mapping[str, Check], found: str) -> str:
    if not found:
        return ""
    check = check_of(letters, found)
    return format_html('<span class="dinero-check dinero-{}">{}</span>', check.tone, check.text)
