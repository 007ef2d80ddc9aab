"""The pages that capture, void and refund a transaction, each behind its own permission."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.messages import WARNING
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin.display import NONE, card_text
from django_dinero.admin.messages import Notice, of_follow_up
from django_dinero.admin.views import asking
from django_dinero.admin.views.base import Fact
from django_dinero.admin.views.money import MoneyPage, amount_of
from django_dinero.admin.views.safety import address as address_of
from django_dinero.admin.views.safety import link
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import DineroError, InvalidTransactionError
from django_dinero.forms.charges import FollowUpForm, RefundForm, VoidForm
from django_dinero.forms.posted import Posted
from django_dinero.models import Transaction
from django_dinero.models.family import Family
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.money import EXACT, amount_text, normalise
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
        facts = [
            (_("Order reference"), row.order_reference, ""),
            (_("Transaction"), str(row), link(request, "transaction", row)),
            (_("Card"), card_text(row), ""),
            (_("Customer"), str(row.customer or ""), link(request, "customer", row.customer)),
            (_("What happens"), self.what_happens(row), ""),
        ]
        return [fact for fact in facts if fact[1]]

    def what_happens(self, row: Transaction) -> str:
        """Return what the button does to this row."""
        return str(self.explanation)

    def perform(self, request: HttpRequest, row: Transaction, form: BaseForm) -> HttpResponseBase:
        given: dict[str, Any] = {**self.key(request, form)}
        for name in ("amount", "description"):
            if name in form.cleaned_data:
                given[name] = form.cleaned_data[name]
        made: Transaction = getattr(row, self.verb)(**given)
        text = _("Done: %(kind)s, %(amount)s (transaction %(id)s).") % {
            "kind": made.get_kind_display(),
            "amount": amount_of(made),
            "id": made.transaction_id,
        }
        told = " ".join(filter(None, (text, self.remark(row, made))))
        self.done(request, told, made.operation_key, row, made)
        return HttpResponseRedirect(self.home(request, made, row))

    def remark(self, row: Transaction, made: Transaction) -> str:
        """Return what else somebody should know of what was done; empty for nothing."""
        return ""

    def notice_for(self, error: DineroError) -> Notice:
        """Return the notice about an error."""
        return of_follow_up(error)


def gives_back(family: Family) -> str:
    """Return what a void does to captured money, in a sentence; empty where none was captured."""
    row = family.row
    if row.kind not in (TransactionKind.AUTHORIZATION, TransactionKind.CAPTURE):
        return ""
    if not family.captured:
        return ""
    text = _(
        "%(amount)s of this were captured. The capture is cancelled too, before the bank settles "
        "it, and the money goes back to the card: %(card)s."
    )
    shown = card_text(row) or NONE
    return text % {"amount": amount_text(family.captured, row.currency), "card": shown}


class AmountPage(FollowUpPage):
    """A follow-up of the whole amount or a part of it."""

    fieldsets = [(None, {"fields": ["amount", "description"]})]
    form_class: ClassVar[type[FollowUpForm]] = FollowUpForm

    def form(self, row: Transaction, posted: Posted | None) -> FollowUpForm:
        """Return the form; a new one has all that is left."""
        if posted is None:
            left = normalise(self.left(row), row.currency)
            return self.form_class(currency=row.currency, initial={"amount": left})
        return self.form_class(posted.data, currency=row.currency, misplaced=posted.misplaced)


class CapturePage(AmountPage):
    """``transaction/<pk>/capture/``."""

    permission = "dinero.capture_transaction"
    verb = "capture"
    title = gettext_lazy("Capture an authorization")
    button = gettext_lazy("Capture")
    explanation = gettext_lazy(
        "The reserved money is taken, all of it or the amount below. An authorization is captured "
        "once: the rest is released, and cannot be captured later."
    )
    rule = rules.capture_error

    def remark(self, row: Transaction, made: Transaction) -> str:
        """Tell how much of the authorization was not captured."""
        rest = EXACT.subtract(Decimal(row.price), Decimal(made.price))
        if rest <= 0:
            return ""
        text = _("%(amount)s of the authorization was not captured, and cannot be any more.")
        return text % {"amount": amount_text(rest, row.currency)}


class RefundPage(AmountPage):
    """``transaction/<pk>/refund/``."""

    permission = "dinero.refund_transaction"
    verb = "refund"
    title = gettext_lazy("Refund a transaction")
    button = gettext_lazy("Refund")
    sure = gettext_lazy("Yes, refund")
    explanation = gettext_lazy(
        "The money goes back to the card. What the bank has not settled yet can be given back "
        "whole only, as a void."
    )

    rule = rules.refund_error
    form_class = RefundForm

    def why_not(self, row: Transaction) -> DineroError | None:
        """Ask the row that holds the money: of an authorization, its only capture."""
        try:
            family = self._family(row)
        except DineroError as error:
            return error
        return rules.refund_error(family, family.left_to_refund)

    def left(self, row: Transaction) -> Decimal:
        """Return what was not given back yet."""
        return self._family(row).left_to_refund

    def perform(self, request: HttpRequest, row: Transaction, form: BaseForm) -> HttpResponseBase:
        """Give it back; ask first where the same amount of it was given back just now."""
        self._ask(request, row, form)
        return super().perform(request, row, form)

    def _ask(self, request: HttpRequest, row: Transaction, form: BaseForm) -> None:
        given = form.cleaned_data
        if asking.was_sent(self.key(request, form)):
            return
        try:
            family = self._family(row)
        except DineroError:
            return  # the service says why
        money = asking.Money(given["amount"], row.currency)
        questions = list(asking.of_refunded(money, family))
        asking.require_answer(questions, money, given["key"], given["sure"])

    @staticmethod
    def _family(row: Transaction) -> Family:
        family = ledger.family_of(row)
        holder = rules.refundable(family)
        return family if holder is row else ledger.family_of(holder)


class VoidPage(FollowUpPage):
    """``transaction/<pk>/void/``."""

    permission = "dinero.void_transaction"
    verb = "void"
    title = gettext_lazy("Void a transaction")
    button = gettext_lazy("Void")
    fieldsets = [(None, {"fields": ["description"]})]
    explanation = gettext_lazy("The whole of it is cancelled, before the bank settles it.")
    rule = rules.void_error

    def what_happens(self, row: Transaction) -> str:
        """Name the money that goes back, if it has been captured."""
        return gives_back(ledger.family_of(row)) or super().what_happens(row)

    def form(self, row: Transaction, posted: Posted | None) -> VoidForm:
        if posted is None:
            return VoidForm()
        return VoidForm(posted.data, misplaced=posted.misplaced)

    def finishes(self, row: Transaction) -> str:
        """The payment itself, where it waits for the card's holder."""
        return row.operation_key or ""

    def turned_away(self, request: HttpRequest, row: Transaction, error: DineroError) -> str:
        """Lead from what has settled to its refund."""
        address = self._refund(request, row)
        if not address:
            return super().turned_away(request, row, error)
        self.tell(request, _("The bank has settled this; refund it."), WARNING)
        return address

    def explain(self, request: HttpRequest, row: Transaction, error: DineroError) -> Notice:
        """Return the notice; where the bank has settled it meanwhile, with the way to the refund.

        The gateway's refusal does not say why, so that it is asked how the payment stands.
        """
        notice = super().explain(request, row, error)
        if not isinstance(error, InvalidTransactionError):
            return notice
        with suppress(DineroError):
            row.refresh_from_gateway()
        address = self._refund(request, row)
        if not address:
            return notice
        return replace(
            notice,
            title=_("The bank has settled this meanwhile; it cannot be voided any more."),
            text=_("Nothing was changed. It can be refunded."),
            detail="",
            again=False,
            url=address,
            url_text=_("Refund it"),
        )

    def _refund(self, request: HttpRequest, row: Transaction) -> str:
        """Return the address of the refund of what has settled, empty where there is none."""
        page = self.model_admin.gateway_page("refund")
        settled = row.status == TransactionStatus.SETTLED
        if not settled or not page.allowed(request, row) or page.refusal(row) is not None:
            return ""
        return address_of(request, "transaction_refund", row.pk)
