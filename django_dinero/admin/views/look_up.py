"""The page that asks the gateway how an operation ended whose answer was lost."""

from __future__ import annotations

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
from django_dinero.models import Operation, journal_notes
from django_dinero.models.operation import UNDECIDED_STATES, OperationState
from django_dinero.services.recovery.lookup import REPEATABLE, look_up

#: States that a look-up can end. One that needs attention is closed by a person.
OPEN = (
    OperationState.NEW,
    OperationState.SENT,
    OperationState.UNKNOWN,
    *UNDECIDED_STATES,
)


class LookUpPage(GatewayPage):
    """``operation/<pk>/look-up/``. It reads at the gateway; nothing is charged or changed there."""

    permission = "dinero.change_operation"
    title = gettext_lazy("Look up an operation")
    button = gettext_lazy("Look up")
    fieldsets = []

    def why_not(self, row: Operation) -> DineroError | None:
        """Refuse what has ended, and what needs attention."""
        if row.state in OPEN:
            return None
        text = _("There is nothing to look up: this operation is %(state)s.")
        return InvalidTransactionError(text % {"state": row.get_state_display()}, operation=row)

    def form(self, row: Operation, posted: Posted | None) -> ConfirmForm:
        return ConfirmForm() if posted is None else ConfirmForm(posted.data)

    def facts(self, request: HttpRequest, row: Operation) -> list[Fact]:
        text = _("The gateway is asked how it ended. Nothing is charged and nothing is sent again.")
        return [
            (_("Operation"), str(row), link(request, "operation", row)),
            (_("What happens"), text, ""),
        ]

    def perform(self, request: HttpRequest, row: Operation, form: BaseForm) -> HttpResponseBase:
        """Ask, and tell what is known now."""
        text, level = looked_up(row)
        self.tell(request, text, level)
        values = {"state": row.get_state_display()}
        self.model_admin.log_change(request, row, _("Looked up: %(state)s.") % values)
        return HttpResponseRedirect(self.home(request, row))

    def explain(
        self, request: HttpRequest, row: Operation, error: DineroError
    ) -> admin_messages.Notice:
        """Return why the gateway could not be asked."""
        return admin_messages.of_follow_up(error)


def looked_up(row: Operation) -> tuple[str, int]:
    """Ask the gateway how an operation ended; say what is known now, and the message's level."""
    found = look_up(row)
    values = {
        "kind": found.get_kind_display(),
        "key": found.key,
        "state": found.get_state_display(),
        "reason": journal_notes.shown(found.note("lookup")) or _("not looked up yet"),
    }
    level = messages.WARNING
    if found.state in OPEN:
        text = _(
            "Operation %(key)s is still open (%(kind)s, %(state)s; %(reason)s). Ask again in "
            "some minutes."
        )
    elif found.state == OperationState.ABSENT and found.kind in REPEATABLE:
        text = _(
            "Operation %(key)s (%(kind)s) is closed without an answer. Do it again if it is "
            "still wanted."
        )
    elif found.state == OperationState.ABSENT:
        text = _("Operation %(key)s (%(kind)s): the gateway does not have it; it did not happen.")
        level = messages.SUCCESS
    else:
        text = _("Operation %(key)s (%(kind)s): %(state)s.")
        level = messages.SUCCESS if found.state == OperationState.SUCCEEDED else level
    return text % values, level
