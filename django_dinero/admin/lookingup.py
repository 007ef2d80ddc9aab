"""The page that asks the gateway how an operation ended whose answer was lost."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin import words
from django_dinero.admin.gatewaypage import Fact, GatewayPage
from django_dinero.admin.pages import Posted, link
from django_dinero.exceptions import DineroError
from django_dinero.forms.charges import ConfirmForm
from django_dinero.models import Operation
from django_dinero.models.operation import OperationState
from django_dinero.services.lookup import resolve

#: States that looking up can end. A person ends the others.
OPEN = (OperationState.NEW, OperationState.SENT, OperationState.UNKNOWN)


class LookUpPage(GatewayPage):
    """``operation/<pk>/look-up/``. It reads at the gateway; nothing is charged or changed there."""

    permission = "dinero.change_operation"
    title = gettext_lazy("Look an operation up")
    button = gettext_lazy("Ask the gateway")
    fieldsets = []

    def rows(self) -> QuerySet[Operation]:
        """Return all operations."""
        return Operation.objects.all()

    def offered(self, row: Operation) -> bool:
        """Operations that are still open."""
        return row.state in OPEN

    def form(self, row: Operation, posted: Posted | None) -> ConfirmForm:
        """Return a button."""
        return ConfirmForm() if posted is None else ConfirmForm(posted.data)

    def facts(self, request: HttpRequest, row: Operation) -> list[Fact]:
        """Return the operation and what this page does."""
        text = _("The gateway is asked how it ended. Nothing is charged and nothing is sent again.")
        return [
            (_("Operation"), str(row), link(request, "operation", row)),
            (_("What happens"), text, ""),
        ]

    def perform(self, request: HttpRequest, row: Operation, form: BaseForm) -> HttpResponseBase:
        """Ask, and tell what is known now."""
        found = resolve(row)
        values = {"key": found.key, "state": found.get_state_display()}
        if found.state in OPEN:
            text = _(
                "Operation %(key)s is still open (%(state)s); the gateway has no answer yet. Ask "
                "again in some minutes."
            )
            level = messages.WARNING
        elif found.state == OperationState.ABSENT:
            text = _("Operation %(key)s: the gateway does not have it; it did not happen.")
            level = messages.SUCCESS
        else:
            text = _("Operation %(key)s: %(state)s.")
            level = messages.SUCCESS
        self.tell(request, text % values, level)
        return HttpResponseRedirect(self.home(request, row))

    def explain(self, request: HttpRequest, row: Operation, error: DineroError) -> words.Notice:
        """Return why the gateway could not be asked."""
        return words.of_follow_up(error)
