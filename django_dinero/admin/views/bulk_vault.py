"""The pages that push, pull, look up, replay and close many rows, each by its permission."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin import messages as admin_messages
from django_dinero.admin.history import is_logged
from django_dinero.admin.views.bulk import BulkPage, Done
from django_dinero.admin.views.close_difference import CloseDifferencePage, close_difference
from django_dinero.admin.views.confirm import Told
from django_dinero.admin.views.look_up import LookUpPage, looked_up
from django_dinero.admin.views.replay import ReplayPage, replayed
from django_dinero.admin.views.sync import PullPage, PushPage, pull_now, push_now
from django_dinero.exceptions import DineroError
from django_dinero.forms.charges import ConfirmForm
from django_dinero.forms.differences import CloseForm
from django_dinero.forms.posted import Posted
from django_dinero.models import CreditCard, Customer, Difference, Operation, WebhookEvent
from django_dinero.models.arguments import FollowUpOptions


class BulkVerb(BulkPage):
    """A verb that does no harm twice; the row's history knows what this form did to it."""

    #: The page for one row: it says why the verb makes no sense for a row.
    single: ClassVar[type[Any]]

    def why_not(self, row: Any) -> DineroError | None:
        found: DineroError | None = self.single(self.model_admin).why_not(row)
        return found

    def refusal(self, row: Any) -> DineroError | None:
        """As the page for one row says it."""
        found: DineroError | None = self.single(self.model_admin).refusal(row)
        return found

    def act(self, request: HttpRequest, row: Any) -> Told:
        """Do it, and say what came of it."""
        raise NotImplementedError

    def perform(self, request: HttpRequest, row: Any, key: FollowUpOptions) -> Done:
        """Do it to one row, once for each form."""
        mark = f"[{key['idempotency_key']}]"
        if is_logged(request, row, mark):
            return Done(_("This was done when the page was sent before."), before=True)
        refusal = self.refusal(row)
        if refusal is not None:
            raise refusal
        text, level, logged = self.act(request, row)
        self.model_admin.log_change(request, row, f"{logged or text} {mark}")
        if level != messages.SUCCESS:
            raise Unfinished(text)
        return Done(text)

    def explain(self, error: DineroError) -> admin_messages.Notice:
        if isinstance(error, Unfinished):
            return admin_messages.Notice(title=str(error), text="", again=False)
        return admin_messages.of_vault(error)


class Unfinished(DineroError):
    """It was done, and the row still needs somebody or some time."""


# -- Customers and cards ---------------------------------------------------------------------------


class BulkPush(BulkVerb):
    """``customer/bulk/push/``, ``creditcard/bulk/push/``."""

    single = PushPage
    title = gettext_lazy("Push to the gateway now")
    button = gettext_lazy("Push now")
    explanation = gettext_lazy("What was changed here is sent to the gateway now.")

    def act(self, request: HttpRequest, row: Customer | CreditCard) -> Told:
        return push_now(row)


class BulkPull(BulkVerb):
    """``customer/bulk/pull/``, ``creditcard/bulk/pull/``."""

    single = PullPage
    title = gettext_lazy("Pull from the gateway now")
    button = gettext_lazy("Pull now")
    explanation = gettext_lazy(
        "It is read from the gateway with all cards of the customer. What waits to be pushed stays."
    )

    def act(self, request: HttpRequest, row: Customer | CreditCard) -> Told:
        return pull_now(request, row)


class PushCustomers(BulkPush):
    permission = "dinero.change_customer"
    action = gettext_lazy("Push the selected customers now")


class PullCustomers(BulkPull):
    permission = "dinero.change_customer"
    action = gettext_lazy("Pull the selected customers now")


class PushCards(BulkPush):
    permission = "dinero.change_creditcard"
    action = gettext_lazy("Push the selected cards now")


class PullCards(BulkPull):
    permission = "dinero.change_creditcard"
    action = gettext_lazy("Pull the selected cards now")


# -- Operations, events, differences ---------------------------------------------------------------


class LookUpOperations(BulkVerb):
    """``operation/bulk/look-up/``."""

    single = LookUpPage
    permission = LookUpPage.permission
    title = gettext_lazy("Look up operations")
    button = gettext_lazy("Look up")
    action = gettext_lazy("Look up the selected operations")
    explanation = gettext_lazy("The gateway is asked how it ended. Nothing is sent again.")

    def act(self, request: HttpRequest, row: Operation) -> Told:
        return Told(*looked_up(row))


class ReplayEvents(BulkVerb):
    """``webhookevent/bulk/replay/``."""

    single = ReplayPage
    permission = ReplayPage.permission
    title = gettext_lazy("Apply webhook events again")
    button = gettext_lazy("Apply again")
    action = gettext_lazy("Apply the selected events again")
    explanation = gettext_lazy("Its object is fetched from the gateway and applied as it is now.")

    def act(self, request: HttpRequest, row: WebhookEvent) -> Told:
        return Told(*replayed(row))


class CloseDifferences(BulkPage):
    """``difference/bulk/close/``: one explanation for all of them."""

    permission = CloseDifferencePage.permission
    title = gettext_lazy("Close differences")
    button = gettext_lazy("Explain and close")
    action = gettext_lazy("Close the selected differences")
    explanation = gettext_lazy("It is marked as explained; nothing else is changed.")

    def refusal(self, row: Difference) -> DineroError | None:
        """As the page for one row says it."""
        return CloseDifferencePage(self.model_admin).refusal(row)

    def form(self, posted: Posted | None) -> CloseForm:
        if posted is None:
            return CloseForm()
        return CloseForm(posted.data, misplaced=posted.misplaced)

    def perform_with(
        self, form: ConfirmForm, request: HttpRequest, row: Difference, key: FollowUpOptions
    ) -> Done:
        """Close it with the explanation of all; sent twice, it is closed once."""
        note, mark = form.cleaned_data["note"].strip(), str(key["idempotency_key"])
        is_new = close_difference(self.model_admin, request, row, note, mark)
        return Done(_("Closed: %(row)s.") % {"row": row}, before=not is_new)
