"""The page that applies a webhook event again."""

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
from django_dinero.exceptions import DineroError
from django_dinero.forms.charges import ConfirmForm
from django_dinero.forms.posted import Posted
from django_dinero.models import WebhookEvent
from django_dinero.models.webhook_event import EventState


class ReplayPage(GatewayPage):
    """``webhookevent/<pk>/replay/``. It reads at the gateway; nothing is changed there."""

    permission = "dinero.replay_webhookevent"
    title = gettext_lazy("Apply a webhook event again")
    button = gettext_lazy("Apply again")
    fieldsets = []

    def refusal(self, row: WebhookEvent) -> DineroError | None:
        """Offer it for each event: one of another account ends as not ours."""
        return None

    def form(self, row: WebhookEvent, posted: Posted | None) -> ConfirmForm:
        return ConfirmForm() if posted is None else ConfirmForm(posted.data)

    def facts(self, request: HttpRequest, row: WebhookEvent) -> list[Fact]:
        text = _("Its object is fetched from the gateway as it is now. Nothing is changed there.")
        return [
            (_("Event"), str(row), link(request, "webhookevent", row)),
            (_("What happens"), text, ""),
        ]

    def perform(self, request: HttpRequest, row: WebhookEvent, form: BaseForm) -> HttpResponseBase:
        """Apply it, and tell what became of it."""
        text, level = replayed(row)
        self.tell(request, text, level)
        values = {"state": row.get_state_display()}
        self.model_admin.log_change(request, row, _("Applied again: %(state)s.") % values)
        return HttpResponseRedirect(self.home(request, row))

    def explain(
        self, request: HttpRequest, row: WebhookEvent, error: DineroError
    ) -> admin_messages.Notice:
        """Return why it was not applied."""
        return admin_messages.Notice(
            title=_("The event was not applied."), text=admin_messages.error_text(error), again=True
        )


def replayed(row: WebhookEvent) -> tuple[str, int]:
    """Apply an event again; say what became of it, and the message's level."""
    row.replay()
    level = messages.SUCCESS if row.state == EventState.APPLIED else messages.WARNING
    values = {"pk": row.pk, "state": row.get_state_display(), "error": row.error}
    return (_("Event %(pk)s: %(state)s. %(error)s") % values).strip(), level
