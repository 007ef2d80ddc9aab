"""The payment that an operation without a result may have made: in the books, or at the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.admin import AdminSite
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_dinero.admin.related import rows_of
from django_dinero.admin.views.safety import link, sees
from django_dinero.exceptions import InvalidInput
from django_dinero.models import Difference, Operation, Transaction, journal_notes
from django_dinero.models.difference import DifferenceKind
from django_dinero.models.operation import MONEY_KINDS, OperationState
from django_dinero.money import amount_text, plain_amount

#: States of an operation that was left to a person, and has no row of its own.
_WITHOUT_RESULT = (OperationState.NEEDS_ATTENTION, OperationState.CLOSED)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is known of such a payment.

    Attributes:
        is_other_amount: whether the gateway has it with another amount or currency than was asked
            for. Then fetching it does not end the operation.
        transaction_id: its id at the gateway, as far as the journal or a difference knows it.
        row: its row, where it has been fetched.
        difference: what reconcile has found about it.
    """

    is_other_amount: bool = False
    transaction_id: str = ""
    row: Transaction | None = None
    difference: Difference | None = None

    def lines(self, site: AdminSite, request: HttpRequest) -> list[tuple[str, str, str]]:
        """Return a label, a text and an address for each of the rows that this user may see."""
        found = []
        if self.row is not None and _is_seen(site, request, self.row):
            amount = amount_text(self.row.price, self.row.currency)
            text = f"{self.row.transaction_id}, {amount}, {self.row.get_status_display()}"
            found.append((_("In the books"), text, link(request, "transaction", self.row)))
        if self.difference is not None and _is_seen(site, request, self.difference):
            text = ", ".join(filter(None, (str(self.difference), _there(self.difference))))
            found.append((_("Difference"), text, link(request, "difference", self.difference)))
        return found


def _there(difference: Difference) -> str:
    """Return the amount at the gateway."""
    amount, currency = difference.amount_there, difference.currency
    return "" if amount is None or not currency else shown_amount(amount, currency)


def shown_amount(amount: Decimal, currency: str) -> str:
    """Return an amount of a gateway's, with more decimals where it is none of its currency."""
    try:
        return amount_text(amount, currency)
    except InvalidInput:
        return plain_amount(amount, currency)


def _is_seen(site: AdminSite, request: HttpRequest, row: Transaction | Difference) -> bool:
    """Say whether this user may see a row, as the project's own admin of its model has it."""
    if not sees(request, str(row._meta.model_name)):
        return False
    return rows_of(site, request, type(row)).filter(pk=row.pk).exists()


def fetched(operation: Operation) -> Fetched:
    """Return what is known of the payment of an operation that was left to a person."""
    if operation.state not in _WITHOUT_RESULT or operation.kind not in MONEY_KINDS:
        return Fetched()
    account = {"gateway_name": operation.gateway_name, "live": operation.live}
    differences = Difference.objects.filter(operation_key=operation.key, **account)
    difference = differences.exclude(transaction_id="").order_by("-id").first()
    known = operation.note("transaction_id")
    ids = {known, difference.transaction_id if difference is not None else ""} - {""}
    rows = Transaction.objects.filter(Q(operation_key=operation.key) | Q(transaction_id__in=ids))
    if operation.parent_key:
        # What follows a payment may have its id.
        rows = rows.exclude(operation_key=operation.parent_key)
    return Fetched(
        is_other_amount=journal_notes.is_other_amount(operation.note("error"))
        or (difference is not None and difference.kind == DifferenceKind.AMOUNT),
        transaction_id=known or (difference.transaction_id if difference is not None else ""),
        row=rows.filter(**account).order_by("id").first(),
        difference=difference,
    )
