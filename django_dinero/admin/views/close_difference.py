"""The page that closes a difference, with an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin import messages as admin_messages
from django_dinero.admin.history import log_once
from django_dinero.admin.views.base import Fact, GatewayPage
from django_dinero.admin.views.safety import link
from django_dinero.db.queries import read_again
from django_dinero.exceptions import DineroError, InvalidInput, InvalidTransactionError
from django_dinero.forms.differences import CloseForm
from django_dinero.forms.posted import Posted
from django_dinero.models import Difference
from django_dinero.models.difference import DifferenceState

if TYPE_CHECKING:
    from django_dinero.admin.base import DineroAdmin


class CloseDifferencePage(GatewayPage):
    """``difference/<pk>/close/``. No gateway is asked, and no row of the books is changed."""

    permission = "dinero.close_difference"
    title = gettext_lazy("Close a difference")
    button = gettext_lazy("Explain and close")
    fieldsets = [(None, {"fields": ["note"]})]

    def refusal(self, row: Difference) -> DineroError | None:
        """Return why not; one of another account than the gateway is now can be closed too."""
        return self.why_not(row)

    def why_not(self, row: Difference) -> DineroError | None:
        """Refuse what has ended."""
        if row.is_open:
            return None
        text = _("There is nothing to close: this difference is %(state)s.")
        return InvalidTransactionError(text % {"state": row.get_state_display()})

    def form(self, row: Difference, posted: Posted | None) -> CloseForm:
        if posted is None:
            return CloseForm()
        return CloseForm(posted.data, misplaced=posted.misplaced)

    def facts(self, request: HttpRequest, row: Difference) -> list[Fact]:
        text = _(
            "It is marked as explained, and nothing else is changed, here or at the gateway. If a "
            "later run finds it again, it is a new difference."
        )
        return [
            (_("Difference"), str(row), link(request, "difference", row)),
            (_("What was found"), row.shown_text or "-", ""),
            (_("What happens"), text, ""),
        ]

    def perform(self, request: HttpRequest, row: Difference, form: BaseForm) -> HttpResponseBase:
        """Close it; sent twice, it is closed once, and told so both times."""
        note = form.cleaned_data["note"].strip()
        close_difference(self.model_admin, request, row, note, form.cleaned_data["key"])
        self.tell(request, _("Closed: %(row)s.") % {"row": row}, messages.SUCCESS)
        return HttpResponseRedirect(self.home(request, row))

    def explain(
        self, request: HttpRequest, row: Difference, error: DineroError
    ) -> admin_messages.Notice:
        """Return why it could not be closed."""
        return admin_messages.of_follow_up(error)


def close_difference(
    model_admin: DineroAdmin, request: HttpRequest, row: Difference, note: str, key: str
) -> bool:
    """Close a difference and log it; say False if the page with this key has done so before.

    Raises:
        InvalidInput: it cannot be closed, or somebody else has closed it with other words.
    """
    name = request.user.get_username()
    try:
        row.close(note=note, by=name)
    except InvalidInput:
        read_again(row)
        if (row.state, row.note, row.closed_by) != (DifferenceState.CLOSED, note, name):
            raise
    return log_once(model_admin, request, row, _("Closed."), f"[{key}]")
