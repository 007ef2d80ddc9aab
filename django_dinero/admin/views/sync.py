"""The pages that push a customer or a card that waits, and that pull what the gateway has."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_dinero.admin import changes
from django_dinero.admin.display import plain_sync_state
from django_dinero.admin.gone import gone_error
from django_dinero.admin.views.base import Fact
from django_dinero.admin.views.confirm import ConfirmPage, Told
from django_dinero.admin.views.safety import sees
from django_dinero.exceptions import DineroError
from django_dinero.models import CreditCard, Customer
from django_dinero.models.sync_state import WAITING
from django_dinero.redaction import scrub
from django_dinero.services.vault.push import push_card, push_customer

Row = Customer | CreditCard


class PushPage(ConfirmPage):
    """``customer/<pk>/push/`` and ``creditcard/<pk>/push/``."""

    title = gettext_lazy("Push to the gateway now")
    button = gettext_lazy("Push now")
    explanation = gettext_lazy(
        "What was changed here is sent to the gateway now. If the gateway has it already, nothing "
        "is sent. No money moves."
    )

    def why_not(self, row: Row) -> DineroError | None:
        """Refuse what does not wait."""
        gone = gone_error(row)
        if row.sync_state in WAITING or gone is not None:
            return gone
        text = _("There is nothing to push: it is %(state)s.") % {"state": plain_sync_state(row)}
        return DineroError(text)

    def known(self, request: HttpRequest, row: Row) -> list[Fact]:
        facts = [(_("State"), plain_sync_state(row), "")]
        if row.sync_error:
            facts.append((_("Last refusal"), scrub(row.sync_error), ""))
        waiting = changes.waiting_fields(row)
        return [*facts, (_("Changed here"), ", ".join(waiting), "")] if waiting else facts

    def act(self, request: HttpRequest, row: Row, form: BaseForm) -> Told:
        """Push it; what does not wait any more was pushed by somebody else."""
        return push_now(row)


class PushCustomerPage(PushPage):
    permission = "dinero.change_customer"


class PushCardPage(PushPage):
    permission = "dinero.change_creditcard"


class PullPage(ConfirmPage):
    """``customer/<pk>/pull/`` and ``creditcard/<pk>/pull/``."""

    title = gettext_lazy("Pull from the gateway now")
    button = gettext_lazy("Pull now")
    explanation = gettext_lazy(
        "The customer is read from the gateway with all cards, and the rows here are brought up to "
        "date. What waits to be pushed stays, and nothing is changed at the gateway. Cards that it "
        "no longer has are marked, not deleted."
    )

    def why_not(self, row: Row) -> DineroError | None:
        """Refuse what the gateway does not have yet."""
        if row.customer_id:
            return None
        return DineroError(_("The gateway does not have it yet. Push it first."))

    def known(self, request: HttpRequest, row: Row) -> list[Fact]:
        return [(_("State"), plain_sync_state(row), "")]

    def act(self, request: HttpRequest, row: Row, form: BaseForm) -> Told:
        return pull_now(request, row)


class PullCustomerPage(PullPage):
    permission = "dinero.change_customer"


class PullCardPage(PullPage):
    permission = "dinero.change_creditcard"

    def rows(self, request: HttpRequest) -> QuerySet[CreditCard]:
        return super().rows(request).select_related("customer")


def push_now(row: Row) -> Told:
    """Push a row that waits, and say how it stands then.

    Raises:
        DineroError: the gateway refused, or nobody knows; it is noted on the row.
    """
    after: Any = push_card(row.pk) if isinstance(row, CreditCard) else push_customer(row.pk)
    if after is None:
        text = _("Somebody else is pushing %(row)s at this moment. Look again in a minute.")
        return Told(text % {"row": row}, messages.WARNING)
    values = {"row": row, "state": plain_sync_state(after)}
    if after.sync_state in WAITING:
        return Told(_("%(row)s still waits: %(state)s.") % values, messages.WARNING)
    return Told(_("Pushed: %(row)s is %(state)s.") % values, messages.SUCCESS)


def pull_now(request: HttpRequest, row: Row) -> Told:
    """Pull a row's customer with all cards, and say what that changed here.

    Args:
        request: whose user reads no values of rows that he may not see.
        row: the customer, or one of the cards.

    Raises:
        DineroError: the gateway could not be asked, or does not have it any more.
    """
    customer = row.customer if isinstance(row, CreditCard) else row
    before = changes.picture_of(customer)
    customer.refresh_from_gateway()
    found = changes.between(before, changes.picture_of(customer))
    kind = row._meta.verbose_name
    if not found:
        text = _("Pulled: %(row)s is here as at the gateway; nothing had changed.")
        return Told(text % {"row": row}, messages.SUCCESS, text % {"row": kind})
    text = ngettext(
        "Pulled: %(row)s. %(count)d change: %(changes)s.",
        "Pulled: %(row)s. %(count)d changes: %(changes)s.",
        len(found),
    )
    told = [each.text if sees(request, each.model) else each.what for each in found]
    shown = {"row": row, "changes": "; ".join(told), "count": len(found)}
    logged = {"row": kind, "changes": "; ".join(each.what for each in found)}
    return Told(text % shown, messages.SUCCESS, text % {**shown, **logged})
