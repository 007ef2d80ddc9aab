"""Customers that go because something else is deleted, a user most of all.

Whoever deletes a user sees a page of another app's admin. That page asks the admin of each row that
would go along whether it may be deleted; it is the one place where this app hears of such a
deletion, on every site and for every user model. What is heard there becomes a message on the same
page, and after the deletion another one for each customer that the gateway still has.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.signals import request_finished, request_started
from django.http import HttpRequest
from django.utils.functional import lazystr
from django.utils.translation import ngettext

from django_dinero import signals
from django_dinero.admin.push_errors import failure_text
from django_dinero.db.on_commit import are_told
from django_dinero.exceptions import DineroError
from django_dinero.models import Customer, Operation


class Cascade:
    """The customers that go with what one request deletes.

    Attributes:
        request: whose messages are used.
        customers: by their primary keys.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.customers: dict[int, Customer] = {}

    def __str__(self) -> str:
        """Return the warning; it is read when the page is drawn, and then all are known."""
        text = ngettext(
            "%(count)d customer is deleted at the payment gateway too, with all cards, and cannot "
            "be brought back: %(names)s. The payments stay in the books.",
            "%(count)d customers are deleted at the payment gateway too, with all cards, and "
            "cannot be brought back: %(names)s. The payments stay in the books.",
            len(self.customers),
        )
        return text % {"count": len(self.customers), "names": self._names()}

    def _names(self) -> str:
        rows = [str(row) for row in self.customers.values()]
        shown = rows[:SHOWN]
        return ", ".join([*shown, "…"] if len(rows) > SHOWN else shown)

    def name_of(self, operation: Operation) -> str:
        """Return what a deleted customer is called; the gateway's id where that is not known."""
        account = (operation.gateway_name, operation.live, operation.customer_id)
        for row in self.customers.values():
            if (row.gateway_name, row.live, row.customer_id or "") == account:
                return str(row)
        return operation.customer_id or operation.key


#: How many customers a warning names.
SHOWN = 10

_deleting: ContextVar[Cascade | None] = ContextVar("dinero_cascade", default=None)


def note(request: HttpRequest, customer: Customer) -> None:
    """Note a customer that goes along with something that is deleted in another admin."""
    cascade: Cascade | None = getattr(request, "_dinero_cascade", None)
    if cascade is None:
        cascade = Cascade(request)
        request._dinero_cascade = cascade  # type: ignore[attr-defined]
        if _is_carried_out(request):
            _deleting.set(cascade)
            are_told.set(True)
        else:
            messages.warning(request, lazystr(cascade))
    cascade.customers[customer.pk] = customer


def is_elsewhere(request: HttpRequest, model: type[Any]) -> bool:
    """Say whether a request deletes rows of another model: from its page, or from its list."""
    match = request.resolver_match
    if match is None or match.app_name != "admin" or match.url_name is None:
        return False
    opts = model._meta
    if match.url_name.startswith(f"{opts.app_label}_"):
        return False
    chosen = request.method == "POST" and ACTION_CHECKBOX_NAME in request.POST
    return match.url_name.endswith("_delete") or (match.url_name.endswith("_changelist") and chosen)


def _is_carried_out(request: HttpRequest) -> bool:
    """A list asks first, with a POST; the page of one row asks with a GET."""
    is_list = ACTION_CHECKBOX_NAME in request.POST
    return request.method == "POST" and (not is_list or bool(request.POST.get("post")))


def _tell(sender: type[Any], instance: Any, error: DineroError, **kwargs: Any) -> None:
    cascade = _deleting.get()
    if cascade is None:
        return
    is_customer = isinstance(instance, Operation) and not instance.card_id
    name = cascade.name_of(instance) if is_customer else ""
    messages.error(cascade.request, failure_text(cascade.request, instance, error, name=name))


def _forget(**kwargs: Any) -> None:
    _deleting.set(None)
    are_told.set(False)


signals.push_failed.connect(_tell, dispatch_uid="dinero.admin.cascade_failed")
for each in (request_started, request_finished):
    each.connect(_forget, dispatch_uid="dinero.admin.cascade_over")
