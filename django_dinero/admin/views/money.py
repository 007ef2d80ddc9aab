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
from django_dinero.exceptions import DineroError
from django_dinero.identifiers import user_scope
from django_dinero.models import Transaction
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

    def ask(self, request: HttpRequest, form: BaseForm, source: asking.Source) -> None:
        """Ask once more before a large amount is taken, or what may have been taken already.

        Raises:
            Unconfirmed: it was not answered yet.
        """
        given = form.cleaned_data
        if asking.was_sent(self.key(request, form)):
            return
        money = asking.Money(given["price"], given["currency"])
        questions = [
            *asking.of_amount(money),
            *asking.of_open(money, source),
            *asking.of_recent(money, source),
            *asking.of_order(given["order_reference"], source),
        ]
        asking.require_answer(questions, money, given["key"], given["sure"])


def one_of(request: HttpRequest, key: str) -> FollowUpOptions:
    """Return the arguments that make an operation the only one of a key, made by this user."""
    scope = user_scope("admin", request.user.pk)
    return {"idempotency_key": key, "scope": scope, "by": request.user}


def amount_of(row: Transaction) -> str:
    return amount_text(row.price, row.currency)
