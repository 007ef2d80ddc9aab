"""The page that closes an operation that only a person could finish."""

from __future__ import annotations

import shlex
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin import messages as admin_messages
from django_dinero.admin import operation_facts
from django_dinero.admin.fetched import fetched
from django_dinero.admin.history import log_once
from django_dinero.admin.stories import what_to_do_first
from django_dinero.admin.views.base import Fact, GatewayPage
from django_dinero.admin.views.safety import link, sees
from django_dinero.db.queries import read_again
from django_dinero.exceptions import DineroError, InvalidInput, InvalidTransactionError
from django_dinero.forms.differences import CloseOperationForm
from django_dinero.forms.posted import Posted
from django_dinero.models import Operation
from django_dinero.models.operation import OperationState


class CloseOperationPage(GatewayPage):
    """``operation/<pk>/close/``. No gateway is asked, and no row of the books is written."""

    permission = "dinero.close_operation"
    title = gettext_lazy("Close an operation")
    button = gettext_lazy("Explain and close")
    fieldsets = [(None, {"fields": ["note"]})]

    def refusal(self, row: Operation) -> DineroError | None:
        """Return why not; one of another account than the gateway is now can be closed too."""
        return self.why_not(row)

    def why_not(self, row: Operation) -> DineroError | None:
        """Refuse whatever does not need a person."""
        if row.state == OperationState.NEEDS_ATTENTION:
            return None
        text = _("Only what needs attention is closed by hand; this operation is: %(state)s.")
        return InvalidTransactionError(text % {"state": row.get_state_display()}, operation=row)

    def form(self, row: Operation, posted: Posted | None) -> CloseOperationForm:
        if posted is None:
            return CloseOperationForm()
        return CloseOperationForm(posted.data, misplaced=posted.misplaced)

    def watched(self, row: Operation) -> Any:
        """Nothing besides: this operation is what is open."""
        return None

    def facts(self, request: HttpRequest, row: Operation) -> list[Fact]:
        """Return what was found, what to do first and what will be written."""
        by = request.user.get_username()
        written = _(
            "It becomes “closed by hand”, with your explanation and your name (%(name)s). No row "
            "is added to the books; what is still held there is asked about at the gateway. "
            "Something new can begin at its place, and its idempotency key stays taken."
        )
        found = fetched(row)
        first = what_to_do_first(row, found) or _(
            "Look into the gateway's own pages. If the payment is there, do not close this: fetch "
            "it with “manage.py dinero_sync --transaction ID --gateway %(gateway)s” and it ends by "
            "itself. Close what did not happen."
        ) % {"gateway": shlex.quote(row.gateway_name)}
        asked = operation_facts.asked(row, with_email=sees(request, "customer"))
        return [
            (_("Operation"), row.key, link(request, "operation", row)),
            *((label, text, "") for label, text in asked),
            *((label, text, "") for label, text in operation_facts.answered(row)),
            *found.lines(self.model_admin.admin_site, request),
            (_("Before you close it"), first, ""),
            (_("What will be written"), written % {"name": by}, ""),
        ]

    def perform(self, request: HttpRequest, row: Operation, form: BaseForm) -> HttpResponseBase:
        """Close it; sent twice, it is closed once, and told so both times."""
        note, name = form.cleaned_data["note"].strip(), request.user.get_username()
        try:
            row.close(note=note, by=name)
        except InvalidInput:
            read_again(row)
            written = (row.state, row.note("note"), row.note("closed_by"))
            if written != (OperationState.CLOSED, note, name):
                raise
        log_once(self.model_admin, request, row, _("Closed."), f"[{form.cleaned_data['key']}]")
        values = {"kind": row.get_kind_display(), "key": row.key}
        self.tell(request, _("Closed: %(kind)s %(key)s.") % values, messages.SUCCESS)
        return HttpResponseRedirect(self.home(request, row))

    def explain(
        self, request: HttpRequest, row: Operation, error: DineroError
    ) -> admin_messages.Notice:
        """Return why it could not be closed."""
        return admin_messages.of_follow_up(error)
