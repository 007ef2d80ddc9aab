"""Pages that move money: each form is one operation, and stands once in the histories."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_dinero.admin import history
from django_dinero.admin import messages as admin_messages
from django_dinero.admin.views import asking
from django_dinero.admin.views.base import GatewayPage
from django_dinero.enums import TransactionKind
from django_dinero.exceptions import (
    DineroError,
    OperationInProgress,
    OrderPaid,
)
from django_dinero.identifiers import user_scope
from django_dinero.models import CreditCard, Transaction
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.money import amount_text


class MoneyPage(GatewayPage):
    """A page that moves money: its key is the idempotency key of the operation."""

    def key(self, request: HttpRequest, form: BaseForm) -> FollowUpOptions:
        """Return the arguments that make the operation one, and this user's."""
        return one_of(request, form.cleaned_data["key"])

    def done(self, request: HttpRequest, text: str, key: str | None, *rows: Model) -> None:
        """Report and log what was done, or say that it had been done before.

        Args:
            request: whose user did it.
            text: what was done.
            key: of the operation that did it.
            *rows: into whose histories it is written.
        """
        new = [history.log_once(self.model_admin, request, row, text, f"[{key}]") for row in rows]
        if any(new):
            self.tell(request, text, messages.SUCCESS)
        else:
            text = _("This was done before, and not once more. %(text)s") % {"text": text}
            self.tell(request, text, messages.WARNING)

    def explain(self, request: HttpRequest, row: Any, error: DineroError) -> admin_messages.Notice:
        """Return the notice, and log what is still open: with its own row where it has one."""
        notice = self.notice_for(error)
        rows = {row, error.transaction or (error.operation if row is None else row)}
        for each in rows - {None}:
            history.note_open_end(self.model_admin, request, each, error, notice.title)
        return notice

    def notice_for(self, error: DineroError) -> admin_messages.Notice:
        """Return the notice about an error."""
        return admin_messages.of_charge(error)

    def take(self, request: HttpRequest, form: BaseForm, source: asking.Source) -> Transaction:
        """Charge as the form says, once all that is to be asked was answered.

        An order that nothing has paid yet is paid whole: somebody else who pays it at this moment
        is seen, and asked about too.

        Raises:
            Unconfirmed: it was not answered yet.
        """
        pays_order = self.ask(request, form, source)
        values: dict[str, Any] = {**self.key(request, form), **form.arguments()}  # type: ignore[attr-defined]
        if isinstance(source, CreditCard):
            values["card"] = source
        try:
            # Whoever sits here acts for the merchant, the customer on the telephone included.
            return Transaction.create(initiator="merchant", pays_order=pays_order, **values)
        except (OperationInProgress, OrderPaid) as error:
            if not pays_order or error.operation is not None:
                raise
            problem = error
        self.ask(request, form, source)
        raise problem

    def ask(self, request: HttpRequest, form: BaseForm, source: asking.Source) -> bool:
        """Ask once more before a large amount is taken, or what may have been taken already.

        Returns:
            Whether an order is named that nothing has paid or is paying.

        Raises:
            Unconfirmed: it was not answered yet.
        """
        given = form.cleaned_data
        money, order = asking.Money(given["price"], given["currency"]), given["order_reference"]
        if asking.was_sent(self.key(request, form)):
            return bool(order)
        of_order = list(asking.of_order(order, source))
        questions = [
            *asking.of_amount(money),
            *asking.of_open(money, source),
            *asking.of_recent(money, source),
            *of_order,
        ]
        asking.require_answer(questions, money, given["key"], given["sure"])
        return bool(order) and not of_order


def one_of(request: HttpRequest, key: str) -> FollowUpOptions:
    """Return the arguments that make an operation the only one of a key, made by this user."""
    scope = user_scope("admin", request.user.pk)
    return {"idempotency_key": key, "scope": scope, "by": request.user}


def amount_of(row: Transaction) -> str:
    return amount_text(row.price, row.currency)


def taken_text(made: Transaction, card: str) -> str:
    """Return what a page says of a charge or an authorization that was made.

    Args:
        made: its row.
        card: what was charged, in words.
    """
    values = {"amount": amount_of(made), "card": card, "id": made.transaction_id}
    if made.kind == TransactionKind.CHARGE:
        return _("Charged: %(amount)s, %(card)s (transaction %(id)s).") % values
    return _("Authorized: %(amount)s, %(card)s (transaction %(id)s).") % values
