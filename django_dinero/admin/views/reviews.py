"""The pages that approve or decline a payment which the gateway holds for review."""

from __future__ import annotations

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin.views.followups import FollowUpPage
from django_dinero.admin.views.money import amount_of
from django_dinero.db.queries import primary
from django_dinero.forms.charges import VoidForm
from django_dinero.forms.posted import Posted
from django_dinero.models import Operation, Transaction
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.services.payments import rules


class ReviewPage(FollowUpPage):
    """What both have in common."""

    permission = "dinero.review_transaction"
    fieldsets = [(None, {"fields": ["description"]})]
    rule = rules.decision_error

    def form(self, row: Transaction, posted: Posted | None) -> VoidForm:
        if posted is None:
            return VoidForm()
        return VoidForm(posted.data, misplaced=posted.misplaced)

    def finishes(self, row: Transaction) -> str:
        """The payment itself: it is open until this decides it."""
        return row.operation_key or ""

    def perform(self, request: HttpRequest, row: Transaction, form: BaseForm) -> HttpResponseBase:
        """Decide, and tell how the payment stands now."""
        key = self.key(request, form)
        self.decide(row, {**key, "description": form.cleaned_data["description"]})
        text = _("Decided: %(kind)s, %(amount)s is %(status)s (transaction %(id)s).") % {
            "kind": row.get_kind_display(),
            "amount": amount_of(row),
            "status": row.get_status_display(),
            "id": row.transaction_id,
        }
        self.done(request, text, _made(key), row)
        return HttpResponseRedirect(self.home(request, row))

    def decide(self, row: Transaction, options: FollowUpOptions) -> None:
        """Call the verb."""
        raise NotImplementedError


def _made(key: FollowUpOptions) -> str:
    """Return the key of the operation that has decided it."""
    rows = primary(Operation)
    return rows.get(idempotency_key=key["idempotency_key"], scope=key["scope"]).key


class ApprovePage(ReviewPage):
    """``transaction/<pk>/approve/``."""

    verb = "approve"
    title = gettext_lazy("Approve a held payment")
    button = gettext_lazy("Approve")
    explanation = gettext_lazy("The gateway carries the payment out: the money is taken.")

    def decide(self, row: Transaction, options: FollowUpOptions) -> None:
        row.approve(**options)


class DeclinePage(ReviewPage):
    """``transaction/<pk>/decline/``."""

    verb = "decline"
    title = gettext_lazy("Decline a held payment")
    button = gettext_lazy("Decline")
    explanation = gettext_lazy("The gateway drops the payment: no money is taken.")

    def decide(self, row: Transaction, options: FollowUpOptions) -> None:
        row.decline(**options)
