"""Pushes that fail after the admin's own commit: a message for whoever saved, never a 500."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero import signals
from django_dinero.admin.base import DineroAdmin
from django_dinero.admin.display import sync_state
from django_dinero.admin.gone import advice_after
from django_dinero.admin.messages import error_text
from django_dinero.admin.views.safety import lead_from_misconfigured, link
from django_dinero.cards import holds_card_number
from django_dinero.exceptions import DineroError
from django_dinero.forms.posted import outside_transactions
from django_dinero.gateways.registry import GatewayMisconfigured
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.models.sync_state import SyncState

Failure = tuple[Customer | CreditCard | Operation, DineroError]

_collected: ContextVar[list[Failure] | None] = ContextVar("dinero_push_failures", default=None)


def _collect(sender: type[Any], instance: Any, error: DineroError, **kwargs: Any) -> None:
    failures = _collected.get()
    if failures is not None:
        failures.append((instance, error))


signals.push_failed.connect(_collect, dispatch_uid="dinero.admin.push_failed")


@contextmanager
def collect_failures() -> Iterator[list[Failure]]:
    """Collect the pushes that fail inside this block, in this thread."""
    failures: list[Failure] = []
    token = _collected.set(failures)
    try:
        yield failures
    finally:
        _collected.reset(token)


class PushingAdmin(DineroAdmin):
    """An admin of rows that are pushed to a gateway after the commit.

    Its views commit before they return, whatever ATOMIC_REQUESTS says. What the gateway refuses is
    therefore known in time for the same response.
    """

    @admin.display(description=gettext_lazy("sync state"), ordering="sync_state")
    def push_state(self, row: Customer | CreditCard) -> str:
        """Return whether the gateway has a row as it stands here."""
        return sync_state(row)

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's addresses, each exempt from ATOMIC_REQUESTS."""
        urls = super().get_urls()
        for pattern in urls:
            outside_transactions(pattern.callback)
        return urls

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Add or change a row, and say what the gateway refused."""
        if request.method == "POST" and self._forget_numbers(request):
            return HttpResponseRedirect(request.get_full_path())
        try:
            return self._report_failures(
                request,
                lambda: super(PushingAdmin, self).changeform_view(
                    request, object_id, form_url, extra_context
                ),
            )
        except GatewayMisconfigured as error:  # the form asks it how long a text may be
            return lead_from_misconfigured(request, error, self._way_on(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list; before many rows are deleted, say whether they are a test account's."""
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "deletable_objects" in context:
            context["is_for_tests"] = not context["queryset"].filter(live=True).exists()
        return response

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Delete a row, and say what the gateway refused."""
        return self._report_failures(
            request,
            lambda: super(PushingAdmin, self).delete_view(request, object_id, extra_context),
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete rows, and say which of them the gateway still has."""
        self._report_failures(
            request, lambda: super(PushingAdmin, self).delete_queryset(request, queryset)
        )

    def _report_failures(self, request: HttpRequest, act: Any) -> Any:
        """Run a view, and leave a message for every push that failed in it."""
        request.current_app = self.admin_site.name
        response: Any = None
        raised: list[DineroError] = []
        with collect_failures() as failures:
            try:
                response = act()
            except DineroError as error:
                raised = [error]
            except ExceptionGroup as group:
                refusals, others = group.split(DineroError)
                if refusals is None or others is not None:
                    raise
                raised = _members(refusals)
        for instance, failure in failures:
            self.message_user(request, failure_text(request, instance, failure), messages.ERROR)
        for refusal in raised:
            if not any(refusal is failure for _instance, failure in failures):
                self.message_user(request, error_text(refusal), messages.ERROR)
        if raised and response is None:
            return HttpResponseRedirect(self._way_on(request))
        return response

    def _way_on(self, request: HttpRequest) -> str:
        """Return where what failed leads: a page that cannot be shown leads to the list."""
        return request.get_full_path() if request.method == "POST" else self._list_address()

    def _forget_numbers(self, request: HttpRequest) -> bool:
        """Say whether a card number was posted in a plain field; the form would show it again."""
        names = [
            name
            for name, texts in request.POST.lists()
            if any(holds_card_number(name.rpartition("-")[2], text) for text in texts)
        ]
        if not names:
            return False
        request.POST = QueryDict()
        request._body = b""
        text = _(
            "Nothing was saved: what was typed into %(names)s looks like a card number. A number "
            "goes into the page “Add card” only."
        ) % {"names": ", ".join(names)}
        self.message_user(request, text, messages.ERROR)
        return True


def _members(group: BaseExceptionGroup[DineroError]) -> list[DineroError]:
    errors: list[DineroError] = []
    for member in group.exceptions:
        errors += _members(member) if isinstance(member, BaseExceptionGroup) else [member]
    return errors


def failure_text(request: HttpRequest, instance: Any, error: DineroError, *, name: str = "") -> str:
    """Return the message about one failed push.

    Args:
        request: decides which links there are.
        instance: the row, or the operation that was to delete one.
        error: why it failed.
        name: what was to be deleted.
    """
    if name:
        text = _(
            "%(name)s is deleted here, but the gateway still has it: %(error)s (operation %(key)s)"
        )
    elif isinstance(instance, Operation):
        text = _("Deleted here, but the gateway did not delete it: %(error)s (operation %(key)s)")
    elif instance.sync_state == SyncState.MISSING:
        text = _("%(row)s was saved here, but not at the gateway: %(error)s %(advice)s")
    else:
        text = _(
            "Saved here, but not at the gateway: %(error)s %(row)s is marked “push failed”; saving "
            "it again pushes it again."
        )
    operation = instance if isinstance(instance, Operation) else error.operation
    values = {
        "name": name,
        "error": error_text(error),
        "advice": "" if isinstance(instance, Operation) else advice_after(instance, error),
        "row": f"“{instance}”",
        "key": operation.key if operation is not None else "?",
    }
    address = link(request, "operation", operation)
    if not address:
        return text % values
    return format_html('{} <a href="{}">{}</a>', text % values, address, _("Open the journal"))
