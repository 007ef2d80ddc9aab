"""A page with a button alone: it says what will happen, and the next page says what did."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from django.contrib import messages
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from django_dinero.admin import messages as admin_messages
from django_dinero.admin.history import note_open_end
from django_dinero.admin.views.base import Fact, GatewayPage
from django_dinero.admin.views.once import first_use
from django_dinero.admin.views.safety import link
from django_dinero.exceptions import DineroError
from django_dinero.forms.charges import ConfirmForm
from django_dinero.forms.posted import Posted


class Told(NamedTuple):
    """What a page tells after it was sent.

    Attributes:
        text: what came of it.
        level: the level of the message.
        logged: what the row's history says in its place; erasing somebody does not reach there.
    """

    text: str
    level: int
    logged: str = ""


class ConfirmPage(GatewayPage):
    """A page that does one thing to a stored row, and none of it twice."""

    fieldsets = []
    explanation: ClassVar[Any]

    def form(self, row: Any, posted: Posted | None) -> ConfirmForm:
        if posted is None:
            return ConfirmForm()
        return ConfirmForm(posted.data, misplaced=posted.misplaced)

    def facts(self, request: HttpRequest, row: Model) -> list[Fact]:
        """Return the row, what is known of it, and what this page does."""
        name = row._meta.model_name or ""
        return [
            (capfirst(str(row._meta.verbose_name)), str(row), link(request, name, row)),
            *self.known(request, row),
            (_("What happens"), str(self.explanation), ""),
        ]

    def known(self, request: HttpRequest, row: Any) -> list[Fact]:
        """Return what somebody should know about the row before the button is pressed."""
        return []

    @sensitive_variables("form")
    def perform(self, request: HttpRequest, row: Any, form: BaseForm) -> HttpResponseBase:
        """Do it, tell what came of it, and write that into the row's history."""
        if first_use(request, form.cleaned_data["key"]):
            text, level, logged = self.act(request, row, form)
            self.model_admin.log_change(request, row, logged or text)
        else:
            text = _("This page was sent before and was not sent again. This is how it stands now.")
            level = messages.WARNING
        self.tell(request, text, level)
        return HttpResponseRedirect(self.home(request, *self.near(row)))

    def act(self, request: HttpRequest, row: Any, form: BaseForm) -> Told:
        """Do it, and say what came of it.

        Raises:
            DineroError: it was not done, or nobody knows.
        """
        raise NotImplementedError

    def explain(self, request: HttpRequest, row: Any, error: DineroError) -> admin_messages.Notice:
        """Return the notice, and log what is still open."""
        notice = admin_messages.of_vault(error)
        note_open_end(self.model_admin, request, row, error, notice.title)
        return notice
