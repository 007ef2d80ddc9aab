"""The pages that capture, void, refund and refresh many transactions, each by its permission."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import ClassVar

from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin.display import card_text
from django_dinero.admin.history import log_once
from django_dinero.admin.views.asking import Money, of_refunded
from django_dinero.admin.views.bulk import BulkPage, Done, Plan
from django_dinero.admin.views.followups import gives_back
from django_dinero.admin.views.money import amount_of
from django_dinero.admin.views.refresh import refresh_error, refreshed
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import DineroError, InvalidTransactionError
from django_dinero.forms.charges import ConfirmForm, VoidForm
from django_dinero.forms.posted import Posted
from django_dinero.models import Transaction
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.family import FOLLOWING, Family
from django_dinero.money import EXACT
from django_dinero.services import modes
from django_dinero.services.payments import rules


class BulkTransactions(BulkPage):
    """What these pages share."""

    def describe(self, row: Transaction) -> str:
        """Return what a person knows a payment by: the order first."""
        return " · ".join(filter(None, (row.order_reference, str(row), card_text(row))))


class BulkFollowUp(BulkTransactions):
    """A verb for many transactions, each of them whole, or all that is left of it."""

    #: The service's own rule.
    rule: ClassVar[Callable[[Family, Decimal], DineroError | None]]

    def plans(self, rows: Sequence[Transaction]) -> Iterable[Plan]:
        """Look at each together with what has followed it; the amount is all that is left."""
        prefetch_related_objects(rows, FOLLOWING)
        planned: set[int] = set()
        for row in rows:
            try:
                family = self.family(row)
                amount = self.left(family)
                refusal = modes.foreign_error(row) or type(self).rule(family, amount)
                if refusal is None and family.row.pk in planned:
                    refusal = InvalidTransactionError(_("Another of these rows is the same money."))
                elif refusal is None:
                    planned.add(family.row.pk)
            except DineroError as error:
                amount, refusal = Decimal(0), error
            text = "" if refusal is not None else self.what_happens(family)
            # A refund that is voided gives the shopper less, where a voided payment gives more.
            signed = EXACT.minus(amount) if row.kind == TransactionKind.REFUND else amount
            yield Plan(row, refusal, signed, row.currency, text)

    def family(self, row: Transaction) -> Family:
        """Return what it will be done to.

        Raises:
            DineroError: there is nothing that it could be done to.
        """
        return Family.of(row)

    def what_happens(self, family: Family) -> str:
        """Return what will happen to it, where the button alone does not say so."""
        return ""

    def left(self, family: Family) -> Decimal:
        """Return how much will be moved."""
        return Decimal(family.row.price)

    def carry_out(self, row: Transaction, key: FollowUpOptions) -> Transaction:
        """Call the verb, and return the row that it made."""
        raise NotImplementedError

    def perform(self, request: HttpRequest, row: Transaction, key: FollowUpOptions) -> Done:
        made = self.carry_out(row, key)
        text = _("Done: %(kind)s, %(amount)s (transaction %(id)s).") % {
            "kind": made.get_kind_display(),
            "amount": amount_of(made),
            "id": made.transaction_id,
        }
        mark = f"[{made.operation_key}]"
        new = [log_once(self.model_admin, request, each, text, mark) for each in (row, made)]
        return Done(text, before=not any(new))


class BulkUndo(BulkFollowUp):
    """A verb that undoes many payments, with one reason for all of them."""

    def form(self, posted: Posted | None) -> VoidForm:
        if posted is None:
            return VoidForm()
        return VoidForm(posted.data, misplaced=posted.misplaced)

    def perform_with(
        self, form: ConfirmForm, request: HttpRequest, row: Transaction, key: FollowUpOptions
    ) -> Done:
        """Keep the reason with each new row."""
        described: FollowUpOptions = {**key, "description": form.cleaned_data["description"]}
        return self.perform(request, row, described)


class BulkCapturePage(BulkFollowUp):
    """``transaction/bulk/capture/``."""

    permission = "dinero.capture_transaction"
    title = gettext_lazy("Capture authorizations")
    button = gettext_lazy("Capture")
    action = gettext_lazy("Capture the selected authorizations")
    explanation = gettext_lazy("The reserved money is taken, all of it.")
    rule = rules.capture_error

    def carry_out(self, row: Transaction, key: FollowUpOptions) -> Transaction:
        return row.capture(**key)


class BulkVoidPage(BulkUndo):
    """``transaction/bulk/void/``."""

    permission = "dinero.void_transaction"
    title = gettext_lazy("Void transactions")
    button = gettext_lazy("Void")
    action = gettext_lazy("Void the selected transactions")
    explanation = gettext_lazy("The whole of it is cancelled, before the bank settles it.")
    rule = rules.void_error

    def what_happens(self, family: Family) -> str:
        """Name the money that goes back, if it has been captured."""
        return gives_back(family)

    def carry_out(self, row: Transaction, key: FollowUpOptions) -> Transaction:
        return row.void(**key)


class BulkRefundPage(BulkUndo):
    """``transaction/bulk/refund/``."""

    permission = "dinero.refund_transaction"
    title = gettext_lazy("Refund transactions")
    button = gettext_lazy("Refund")
    action = gettext_lazy("Refund the selected transactions")
    explanation = gettext_lazy(
        "All that is left goes back to the card; what the bank has not settled yet is voided."
    )
    rule = rules.refund_error

    def family(self, row: Transaction) -> Family:
        """Return what holds the money: the refund of an authorization goes to its capture."""
        return Family.of(rules.refundable(Family.of(row)))

    def left(self, family: Family) -> Decimal:
        return family.left_to_refund

    def what_happens(self, family: Family) -> str:
        """Name the same amount of it that was given back just now: this may be that once more."""
        money = Money(family.left_to_refund, family.row.currency)
        return " ".join(question.text for question in of_refunded(money, family))

    def carry_out(self, row: Transaction, key: FollowUpOptions) -> Transaction:
        return row.refund(**key)


class BulkRefreshPage(BulkTransactions):
    """``transaction/bulk/refresh/``. It reads at the gateway; nothing is changed there."""

    permission = "dinero.change_transaction"
    title = gettext_lazy("Refresh transactions")
    button = gettext_lazy("Refresh")
    action = gettext_lazy("Refresh the selected transactions from the gateway")
    explanation = gettext_lazy("The gateway is asked how it stands; nothing is changed there.")

    def why_not(self, row: Transaction) -> DineroError | None:
        """Refuse what the gateway has no id for."""
        return refresh_error(row)

    def perform(self, request: HttpRequest, row: Transaction, key: FollowUpOptions) -> Done:
        return Done(refreshed(self.model_admin, request, row))
