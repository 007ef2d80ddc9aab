"""The pages that capture, void and refund a transaction, each behind its own permission."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin import messages
from django_dinero.admin.views.base import Fact
from django_dinero.admin.views.charge import MoneyPage, amount_of
from django_dinero.admin.views.safety import Posted, link
from django_dinero.exceptions import DineroError
from django_dinero.forms.charges import ConfirmForm, FollowUpForm
from django_dinero.models import Transaction
from django_dinero.models.family import Family
from django_dinero.money import normalise
from django_dinero.services import ledger
from django_dinero.services.payments import rules


class FollowUpPage(MoneyPage):
    """``transaction/<pk>/<verb>/``."""

    #: The model's method that does it, and the last part of the address.
    verb: ClassVar[str]
    explanation: ClassVar[Any]

    #: The service's own rule: why this cannot be done to a transaction, None if it can.
    rule: ClassVar[Callable[[Family, Decimal], DineroError | None]]

    def why_not(self, row: Transaction) -> DineroError | None:
        """Return why it cannot be done to all that is left; a transaction's page asks too."""
        return type(self).rule(ledger.family_of(row), self.left(row))

    def left(self, row: Transaction) -> Decimal:
        """Return how much can be captured, refunded or voided."""
        return Decimal(row.price)

    def rows(self, request: HttpRequest) -> QuerySet[Transaction]:
        return super().rows(request).select_related("customer")

    def facts(self, request: HttpRequest, row: Transaction) -> list[Fact]:
        """Return the transaction, its card and what this page does."""
        card = f"{row.brand} •••• {row.last_4}".strip() if row.last_4 else "-"
        facts = [
            (_("Transaction"), str(row), link(request, "transaction", row)),
            (_("Card"), card, ""),
            (_("Customer"), str(row.customer or "-"), link(request, "customer", row.customer)),
            (_("Order reference"), row.order_reference or "-", ""),
        ]
        return [*facts, (_("What happens"), str(self.explanation), "")]

    def perform(self, request: HttpRequest, row: Transaction, form: BaseForm) -> HttpResponseBase:
        given: dict[str, Any] = {**self.key(request, form)}
        if "amount" in form.cleaned_data:
            given["amount"] = form.cleaned_data["amount"]
        made: Transaction = getattr(row, self.verb)(**given)
        text = _("Done: %(kind)s, %(amount)s (transaction %(id)s).") % {
            "kind": made.get_kind_display(),
            "amount": amount_of(made),
            "id": made.transaction_id,
        }
        self.done(request, row, text, made)
        return HttpResponseRedirect(self.home(request, made, row))

    def notice_for(self, error: DineroError) -> messages.Notice:
        """Return the notice about an error."""
        return messages.of_follow_up(error)


class AmountPage(FollowUpPage):
    """A follow-up of the whole amount or a part of it."""

    fieldsets = [(None, {"fields": ["amount"]})]

    def form(self, row: Transaction, posted: Posted | None) -> FollowUpForm:
        """Return the form; a new one has all that is left."""
        if posted is None:
            left = normalise(self.left(row), row.currency)
            return FollowUpForm(currency=row.currency, initial={"amount": str(left)})
        return FollowUpForm(posted.data, currency=row.currency, misplaced=posted.misplaced)


class CapturePage(AmountPage):
    """``transaction/<pk>/capture/``."""

    permission = "dinero.capture_transaction"
    verb = "capture"
    title = gettext_lazy("Capture an authorization")
    button = gettext_lazy("Capture")
    explanation = gettext_lazy("The reserved money is taken, all of it or the amount below.")
    rule = rules.capture_error


class RefundPage(AmountPage):
    """``transaction/<pk>/refund/``."""

    permission = "dinero.refund_transaction"
    verb = "refund"
    title = gettext_lazy("Refund a transaction")
    button = gettext_lazy("Refund")
    explanation = gettext_lazy(
        "The money goes back to the card. What the bank has not settled yet can be given back "
        "whole only, as a void."
    )

    rule = rules.refund_error

    def left(self, row: Transaction) -> Decimal:
        """Return what was not given back yet."""
        return ledger.family_of(row).left_to_refund


class VoidPage(FollowUpPage):
    """``transaction/<pk>/void/``."""

    permission = "dinero.void_transaction"
    verb = "void"
    title = gettext_lazy("Void a transaction")
    button = gettext_lazy("Void")
    fieldsets = []
    explanation = gettext_lazy("The whole of it is cancelled, before the bank settles it.")
    rule = rules.void_error

    def form(self, row: Transaction, posted: Posted | None) -> ConfirmForm:
        return ConfirmForm() if posted is None else ConfirmForm(posted.data)
