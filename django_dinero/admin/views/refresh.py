"""The page that asks the gateway how one transaction stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin import messages as admin_messages
from django_dinero.admin.views.base import Fact, GatewayPage
from django_dinero.admin.views.safety import link
from django_dinero.exceptions import DineroError, InvalidTransactionError
from django_dinero.forms.charges import ConfirmForm
from django_dinero.forms.posted import Posted
from django_dinero.models import Transaction

if TYPE_CHECKING:
    from django_dinero.admin.base import DineroAdmin


class RefreshPage(GatewayPage):
    """``transaction/<pk>/refresh/``. It reads at the gateway; nothing is changed there."""

    permission = "dinero.change_transaction"
    title = gettext_lazy("Refresh a transaction")
    button = gettext_lazy("Refresh")
    fieldsets = []

    def why_not(self, row: Transaction) -> DineroError | None:
        """Refuse what the gateway has no id for."""
        return refresh_error(row)

    def form(self, row: Transaction, posted: Posted | None) -> ConfirmForm:
        return ConfirmForm() if posted is None else ConfirmForm(posted.data)

    def facts(self, request: HttpRequest, row: Transaction) -> list[Fact]:
        text = _("The gateway is asked how it stands. Nothing is changed there.")
        return [
            (_("Transaction"), str(row), link(request, "transaction", row)),
            (_("What happens"), text, ""),
        ]

    def perform(self, request: HttpRequest, row: Transaction, form: BaseForm) -> HttpResponseBase:
        """Ask, and tell what has changed."""
        self.tell(request, refreshed(self.model_admin, request, row), messages.SUCCESS)
        return HttpResponseRedirect(self.home(request, row))

    def explain(
        self, request: HttpRequest, row: Transaction, error: DineroError
    ) -> admin_messages.Notice:
        """Return why the gateway could not be asked."""
        return admin_messages.of_follow_up(error)


def refresh_error(row: Transaction) -> DineroError | None:
    """Return why the gateway cannot be asked about a row, None if it can."""
    if row.transaction_id:
        return None
    text = _("It has no id at the gateway: it was refused.")
    return InvalidTransactionError(text, transaction=row)


def refreshed(model_admin: DineroAdmin, request: HttpRequest, row: Transaction) -> str:
    """Bring a row up to date, log what has changed, and return it in words.

    Raises:
        DineroError: the gateway did not answer, or does not have it.
    """
    before = row.get_status_display()
    row.refresh_from_gateway()
    values = {"before": before, "now": row.get_status_display()}
    if before == values["now"]:
        return _("Nothing has changed: %(now)s.") % values
    text = _("Refreshed: it was %(before)s, and is %(now)s.") % values
    model_admin.log_change(request, row, text)
    return text
