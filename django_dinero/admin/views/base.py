"""A page with one form and one button, which asks the gateway for one thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import BaseForm, Media
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero import identifiers
from django_dinero.admin import messages as admin_messages
from django_dinero.admin.related import open_operations
from django_dinero.admin.views.safety import admin_form, lead_from_misconfigured, link
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.forms.fields import SecretField, add_errors
from django_dinero.forms.posted import Posted
from django_dinero.gateways.registry import GatewayMisconfigured
from django_dinero.services import modes

if TYPE_CHECKING:
    from django_dinero.admin.base import DineroAdmin

SEND_ONCE = Media(js=["dinero/admin/send-once.js"])


class Unconfirmed(Exception):
    """Nothing was done: it has to be asked first.

    Attributes:
        texts: the questions.
        answer: what the page sends back with the same key, as the field ``sure``.
    """

    def __init__(self, texts: list[str], answer: str) -> None:
        super().__init__(*texts)
        self.texts = texts
        self.answer = answer


#: A label, a text and the address it leads to (empty for none).
Fact = tuple[str, str, str]


class GatewayPage:
    """What such pages share; :func:`.safety.page` makes a view of an instance.

    The form has a one-time key, made with the page. After an answer that allows another attempt
    the page is shown with a new key, and after one that does not, without the form.

    Args:
        model_admin: the admin of the row, as the project has registered it. Its site, log and
            messages are used, and the page is there for the rows that it shows.
    """

    permission: ClassVar[str]
    title: ClassVar[Any]
    button: ClassVar[Any]
    #: The button of a page that asks once more.
    sure: ClassVar[Any] = gettext_lazy("Yes, do it")
    fieldsets: ClassVar[list[tuple[Any, dict[str, Any]]]]
    #: Our errors' names of fields -> the form's.
    names: ClassVar[dict[str, str]] = {}

    def __init__(self, model_admin: DineroAdmin) -> None:
        self.model_admin = model_admin

    def allowed(self, request: HttpRequest, row: Any) -> bool:
        """Say whether this user may do it to a row."""
        return self.model_admin.has_verb_permission(request, self.permission, row)

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that exist for this user: those that the project's admin shows."""
        return self.model_admin.get_queryset(request)

    def refusal(self, row: Any) -> DineroError | None:
        """Return why the page is not offered for a row, None if it is."""
        return modes.foreign_error(row) or self.why_not(row)

    # -- What a subclass says --------------------------------------------------------------------

    def layout(self, form: BaseForm) -> list[tuple[Any, dict[str, Any]]]:
        """Return the fieldsets, those fields left out that this form does not have."""
        return [
            (name, {**options, "fields": _present(options["fields"], form)})
            for name, options in self.fieldsets
        ]

    def form(self, row: Any, posted: Posted | None) -> BaseForm:
        """Return the form: bound to ``posted``, or new where that is None.

        Raises:
            DineroError: the page makes no sense for this row, or not any more.
        """
        raise NotImplementedError

    def why_not(self, row: Any) -> DineroError | None:
        """Return why the page makes no sense for this row now, None if it does.

        Asked before an empty form is shown; what is posted is judged by the service, which knows
        what this form's key did before.
        """
        return None

    def turned_away(self, request: HttpRequest, row: Any, error: DineroError) -> str:
        """Tell why the page makes no sense, and return the address of where that leads."""
        self.tell(request, admin_messages.error_text(error), messages.ERROR)
        return self.home(request, *self.near(row))

    def facts(self, request: HttpRequest, row: Any) -> list[Fact]:
        """Return the lines above the form."""
        raise NotImplementedError

    def name_of(self, request: HttpRequest, row: Any) -> str:
        """Return what the row is called above the page."""
        return str(row)

    def watched(self, row: Any) -> Any:
        """Return the row whose open operations are shown above the form."""
        return row

    def finishes(self, row: Any) -> str:
        """Return the key of the open operation that this page brings to its end; empty for none.

        It is not among those that are shown above the form: nothing is done twice to it here.
        """
        return ""

    def near(self, row: Any) -> tuple[Any, ...]:
        """Return the rows that *cancel* may lead to: the first that this user may see."""
        return (row,)

    def perform(self, request: HttpRequest, row: Any, form: BaseForm) -> HttpResponseBase:
        """Ask the gateway, report and log what was done, and lead to another page.

        Raises:
            DineroError: it was not done, or nobody knows.
            Unconfirmed: it has to be asked first.
        """
        raise NotImplementedError

    def explain(self, request: HttpRequest, row: Any, error: DineroError) -> admin_messages.Notice:
        """Return the notice about an error of :meth:`perform`."""
        raise NotImplementedError

    # -- The view --------------------------------------------------------------------------------

    def __call__(self, request: HttpRequest, pk: int, *, posted: Posted) -> HttpResponseBase:
        """Show the page (GET) or do it (POST)."""
        return self.answer(request, self._row(request, pk), posted)

    def answer(self, request: HttpRequest, row: Any, posted: Posted) -> HttpResponseBase:
        """Do so for a row that this user may do it to; None for a page without one."""
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        try:
            return self._answer(request, row, posted)
        except GatewayMisconfigured as error:
            return lead_from_misconfigured(request, error, self.home(request, *self.near(row)))

    def _answer(self, request: HttpRequest, row: Any, posted: Posted) -> HttpResponseBase:
        is_new = request.method != "POST"
        try:
            refusal = self.refusal(row) if is_new else None
            if refusal is not None:
                return HttpResponseRedirect(self.turned_away(request, row, refusal))
            form = self.form(row, None if is_new else posted)
        except DineroError as error:
            return HttpResponseRedirect(self.turned_away(request, row, error))
        if form.is_bound and form.is_valid():
            return self._try(request, row, form, posted)
        return self._show(request, row, form)

    def is_for_tests(self, form: BaseForm) -> bool:
        """Say whether the page tells above its form that no real money moves.

        That of a row does not: the row's facts do.
        """
        return False

    def _row(self, request: HttpRequest, pk: int) -> Any:
        row = self.rows(request).filter(pk=pk).first()
        if row is not None and self.allowed(request, row):
            return row
        if row is None and request.user.has_perm(self.permission):
            raise Http404
        # Without the permission nobody is told either which rows there are.
        raise PermissionDenied

    @sensitive_variables("posted", "form")
    def _try(
        self, request: HttpRequest, row: Any, form: BaseForm, posted: Posted
    ) -> HttpResponseBase:
        notice: admin_messages.Notice | None = None
        try:
            return self.perform(request, row, form)
        except Unconfirmed as question:
            return self._show(request, row, form, question=question)
        except InvalidInput as error:
            add_errors(form, error, self.names)
        except DineroError as error:
            notice = self.explain(request, row, error)
        # This key has its answer. Another attempt is another operation, and needs another key.
        form.data = posted.data.copy()
        form.data["key"] = identifiers.new_key()
        return self._show(request, row, form, notice)

    def home(self, request: HttpRequest, *rows: Model | None) -> str:
        """Return the address of the first of ``rows`` that this user may see, else the index."""
        for row in rows:
            address = link(request, row._meta.model_name or "", row) if row is not None else ""
            if address:
                return address
        return reverse("admin:index", current_app=self.model_admin.admin_site.name)

    def tell(self, request: HttpRequest, text: str | SafeString, level: int) -> None:
        """Leave a message for the next page."""
        self.model_admin.message_user(request, text, level)

    def _show(
        self,
        request: HttpRequest,
        row: Any,
        form: BaseForm,
        notice: admin_messages.Notice | None = None,
        question: Unconfirmed | None = None,
    ) -> TemplateResponse:
        operation = notice.operation if notice else None
        shown = (operation.key if operation else "", self.finishes(row))
        transaction = notice.transaction if notice else None
        context = {
            **self.model_admin.admin_site.each_context(request),
            "opts": self.model_admin.opts,
            "has_view_permission": self.model_admin.has_view_permission(request),
            "title": self.title,
            "original": row,
            "name": self.name_of(request, row),
            "back_url": self.home(request, *self.near(row)),
            "form": form,
            "adminform": admin_form(form, self.layout(form)),
            "errors": list(form.errors.values()),
            "forgotten": _forgotten(form),
            "is_for_tests": self.is_for_tests(form),
            "media": self.model_admin.media + SEND_ONCE + form.media,
            "notice": notice,
            "question": question,
            "open_operations": open_operations(request, self.watched(row), but=shown),
            "operation_url": link(request, "operation", operation),
            "transaction_url": link(request, "transaction", transaction),
            "button": self.button if question is None else self.sure,
            "facts": self.facts(request, row),
        }
        return TemplateResponse(request, "admin/dinero/page.html", context)


def _present(fields: Iterable[Any], form: BaseForm) -> list[Any]:
    """Return the names that a form has, those in one line together."""
    found: list[Any] = []
    for each in fields:
        if isinstance(each, str):
            found += [each] if each in form.fields else []
        elif line := tuple(name for name in each if name in form.fields):
            found.append(line)
    return found


def _forgotten(form: BaseForm) -> list[Any]:
    """Return the labels of the secrets that were typed, and that the page does not show again."""
    secrets = (name for name, each in form.fields.items() if isinstance(each, SecretField))
    return [form[name].label for name in secrets if form.is_bound and form[name].data]
