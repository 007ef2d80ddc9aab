"""The page that sends a delete once more that waits, or that did not reach the gateway."""

from __future__ import annotations

from django.contrib import messages
from django.db import router
from django.forms import BaseForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin.views.base import Fact
from django_dinero.admin.views.confirm import ConfirmPage, Told
from django_dinero.db.queries import primary, read_again
from django_dinero.exceptions import DineroError
from django_dinero.models import Operation, journal_notes
from django_dinero.models.operation import DELETES, OperationState
from django_dinero.services.pull import to_be_repeated
from django_dinero.services.vault.waiting import UNSENT, drive_delete


class RetryPage(ConfirmPage):
    """``operation/<pk>/retry/``. A push is repeated on the page of its customer or card."""

    permission = "dinero.change_operation"
    title = gettext_lazy("Send a delete once more")
    button = gettext_lazy("Send once more")
    explanation = gettext_lazy(
        "The gateway is asked to delete it now. If an earlier answer was lost, that is looked up "
        "first, and it is repeated as soon as that is safe. What is gone already counts as deleted."
    )

    def why_not(self, row: Operation) -> DineroError | None:
        """Refuse what is no delete, and one that has come to its end."""
        if row.kind not in DELETES:
            return DineroError(_("Only a delete is sent once more here."), operation=row)
        waits = row.state in UNSENT
        if waits or to_be_repeated(primary(Operation).filter(pk=row.pk)).exists():
            return None
        text = _("There is nothing to send: this delete is %(state)s.")
        return DineroError(text % {"state": row.get_state_display()}, operation=row)

    def known(self, request: HttpRequest, row: Operation) -> list[Fact]:
        facts = [(_("State"), str(row.get_state_display()), "")]
        error = journal_notes.shown(row.note("error"))
        return [*facts, (_("What went wrong"), error, "")] if error else facts

    def act(self, request: HttpRequest, row: Operation, form: BaseForm) -> Told:
        """Bring it further, and say how it stands.

        Raises:
            DineroError: there is nothing to send; or as :func:`drive_delete`.
        """
        refusal = self.why_not(row)
        if refusal is not None:
            raise refusal
        waits = drive_delete(row.key, router.db_for_write(Operation))
        read_again(row)
        if waits:
            text = _("%(kind)s %(key)s still waits. It is sent again by itself; look in a minute.")
            return Told(text % {"kind": row.get_kind_display(), "key": row.key}, messages.WARNING)
        if row.state in (OperationState.FAILED, OperationState.DECLINED, OperationState.ABSENT):
            text = _("%(kind)s %(key)s was sent as a new operation, which has ended.")
        else:
            text = _("%(kind)s %(key)s: %(state)s.")
        values = {
            "kind": row.get_kind_display(),
            "key": row.key,
            "state": row.get_state_display(),
        }
        return Told(text % values, messages.SUCCESS)
