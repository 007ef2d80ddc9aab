"""The page that adds a customer, with a first card in the same form.

A number is sent to the gateway within the request that brought it, and is kept nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import messages
from django.contrib.admin.exceptions import DisallowedModelAdminToField
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero.admin import messages as admin_messages
from django_dinero.admin.history import log_addition_once
from django_dinero.admin.push_errors import collect_failures, failure_text
from django_dinero.admin.search import customers as named
from django_dinero.admin.views.base import GatewayPage, Unconfirmed
from django_dinero.admin.views.safety import link
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.forms.new_customers import BILLING, CARD, AddCustomerForm
from django_dinero.forms.posted import Posted
from django_dinero.identifiers import user_scope
from django_dinero.models import Customer
from django_dinero.models.arguments import KeyOptions
from django_dinero.services.modes import is_live, no_real_money
from django_dinero.services.vault.creations import customer_key_for

if TYPE_CHECKING:
    from django_dinero.admin.customers import CustomerAdmin

#: How many customers with the same e-mail are named.
NAMED = 5


class AddCustomerPage(GatewayPage):
    """``customer/add/``."""

    permission = "dinero.add_customer"
    title = gettext_lazy("Add a customer")
    button = gettext_lazy("Add customer")
    card_fieldsets: ClassVar[list[tuple[Any, dict[str, Any]]]] = [
        (
            gettext_lazy("First card (may be left out)"),
            {
                "fields": [*CARD],
                "description": gettext_lazy(
                    "The number goes to the gateway only. It is shown nowhere again."
                ),
            },
        ),
        (gettext_lazy("Billing address of the card"), {"fields": [*BILLING]}),
    ]

    def view(self, request: HttpRequest, *, posted: Posted) -> HttpResponseBase:
        """Show the form (GET) or add the customer (POST)."""
        if not self.model_admin.has_add_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        to_field = request.POST.get(TO_FIELD_VAR, request.GET.get(TO_FIELD_VAR))
        if to_field and not self.model_admin.to_field_allowed(request, to_field):
            text = f"The field {to_field} cannot be referenced."
            raise DisallowedModelAdminToField(text)
        form = self.form_for(request, posted if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            return self._try(request, Customer(), form, posted)
        return self._show(request, Customer(), form)

    @sensitive_variables("posted", "form")
    def form_for(self, request: HttpRequest, posted: Posted | None) -> AddCustomerForm:
        """Return the form, with the widgets that the model admin chooses."""
        admin = cast("CustomerAdmin", self.model_admin)
        made: Any = admin.get_form(
            request, None, change=False, form=admin.add_form or AddCustomerForm
        )
        takes_card = admin.has_verb_permission(request, "dinero.add_stored_card", None)
        if posted is None:
            initial = admin.get_changeform_initial_data(request)
            initial.pop("key", None)  # each page has a new one, whatever link leads to it
            form = made(initial=initial, takes_card=takes_card)
            form.without_box()
            return cast(AddCustomerForm, form)
        form = made(posted.data, takes_card=takes_card, misplaced=posted.misplaced)
        self._warn_of_same(request, form)
        return cast(AddCustomerForm, form)

    def _warn_of_same(self, request: HttpRequest, form: AddCustomerForm) -> None:
        if not form.is_valid():
            if not form["same_email"].value():
                form.without_box()
            return
        same = list(self._same(request, form)[:NAMED])
        if not same:
            form.without_box()
        elif not form.cleaned_data["same_email"]:
            may_see = self.model_admin.has_view_or_change_permission
            shown = [row for row in same if may_see(request, row)]
            known = _warning(request, shown) if shown else _("This customer exists already.")
            form.warn(known)

    def _same(self, request: HttpRequest, form: AddCustomerForm) -> QuerySet[Customer]:
        """Return the customers of that gateway with this e-mail whom this user may know of.

        But for the one that this very page has added: it was sent twice then.
        """
        email, name = form.cleaned_data["email"], form.cleaned_data.get("gateway_name") or "default"
        rows = self.rows(request).filter(named(email), gateway_name=name, live=is_live(name))
        try:
            return rows.exclude(customer_key=customer_key_for(_key(request, form), name))
        except InvalidInput:  # not one of our keys: the service will say so
            return rows

    @sensitive_variables("form")
    def perform(self, request: HttpRequest, row: Customer, form: BaseForm) -> HttpResponseBase:
        """Store it, and lead to its page; also where the gateway did not take it yet."""
        assert isinstance(form, AddCustomerForm)  # noqa: S101 - tells the type checker
        refused: DineroError | None = None
        made: Customer | None = None
        with collect_failures() as failures:
            try:
                made = Customer.create(**form.arguments(), **_key(request, form))
            except DineroError as error:
                refused = error
        if made is None and refused is not None:
            made = next((each for each, _error in failures if isinstance(each, Customer)), None)
            if made is None:
                raise refused
            self.tell(request, failure_text(request, made, refused), messages.ERROR)
        assert made is not None  # noqa: S101 - tells the type checker
        return self._added(request, made, is_stored=refused is None)

    def _added(self, request: HttpRequest, made: Customer, *, is_stored: bool) -> HttpResponseBase:
        # Not whether the page was sent before: the answer may have been lost, and with it the row.
        if not log_addition_once(self.model_admin, request, made):
            text = _("This page was sent before and was not sent again. This is the customer.")
            self.tell(request, text, messages.WARNING)
        elif is_stored:
            self.tell(request, _stored_text(made), messages.SUCCESS)
        if IS_POPUP_VAR in request.GET:
            # Django looks for them among what was posted.
            posted: Any = request.POST.copy()
            for name in (IS_POPUP_VAR, TO_FIELD_VAR):
                if name in request.GET:
                    posted[name] = request.GET[name]
            request.POST = posted
            return self.model_admin.response_add(request, made)
        return HttpResponseRedirect(self.home(request, made))

    def explain(
        self, request: HttpRequest, row: Customer, error: DineroError
    ) -> admin_messages.Notice:
        """Return the notice. There is no row yet whose history could tell it."""
        return admin_messages.of_customer(error)

    def layout(self, form: BaseForm) -> list[tuple[Any, dict[str, Any]]]:
        """Return the fieldsets of the model admin, and those of the card."""
        shown = [name for name in form.fields if name not in (*CARD, *BILLING, "key")]
        known: list[tuple[Any, dict[str, Any]]] = [(None, {"fields": _box_last(shown)})]
        card = [each for each in self.card_fieldsets if set(each[1]["fields"]) <= {*form.fields}]
        return [*known, *card]

    def facts(self, request: HttpRequest, row: Customer) -> list[Any]:
        return []

    def watched(self, row: Customer) -> Any:
        return None

    def home(self, request: HttpRequest, *rows: Any) -> str:
        """As in the base class; a row that is not stored has no page."""
        return super().home(request, *(row for row in rows if row is not None and row.pk))

    def is_for_tests(self, form: BaseForm) -> bool:
        """Say whether no gateway that can be chosen moves real money."""
        return no_real_money()

    def _show(
        self,
        request: HttpRequest,
        row: Any,
        form: BaseForm,
        notice: admin_messages.Notice | None = None,
        question: Unconfirmed | None = None,
    ) -> TemplateResponse:
        response = super()._show(request, row, form, notice, question)
        response.template_name = "admin/dinero/customer/add_form.html"
        context = response.context_data or {}
        more = {"original": None, "add": True, "is_popup": IS_POPUP_VAR in request.GET}
        response.context_data = {**context, **more}
        return response


def _box_last(names: list[str]) -> list[str]:
    """Put the box right behind the e-mail that it is about."""
    if "same_email" not in names:
        return names
    rest = [name for name in names if name != "same_email"]
    cut = rest.index("email") + 1
    return [*rest[:cut], "same_email", *rest[cut:]]


def _key(request: HttpRequest, form: BaseForm) -> KeyOptions:
    """Return the arguments by which this page makes one customer, however often it is sent."""
    scope = user_scope("admin", request.user.pk)
    return {"idempotency_key": form.cleaned_data["key"], "scope": scope}


def _stored_text(made: Customer) -> str:
    card = made.default_card
    if card is None:
        return _("Stored at the gateway: %(customer)s.") % {"customer": made}
    text = _("Stored at the gateway: %(customer)s, with %(card)s.")
    return text % {"customer": made, "card": card}


def _warning(request: HttpRequest, same: list[Customer]) -> str:
    """Return who has this e-mail already, with links, and what can be done."""
    links = format_html_join(", ", "{}", ((_linked(request, row),) for row in same))
    text = _(
        "A customer with this e-mail is stored already: {customers}. Open that page to add a "
        "card there, or tick the box below to add another customer."
    )
    return format_html(text, customers=links)


def _linked(request: HttpRequest, row: Customer) -> str:
    """Return who it is, with a link where this site has a page of it."""
    there = link(request, "customer", row)
    text = _described(row)
    return format_html('<a href="{}">{}</a>', there, text) if there else text


def _described(row: Customer) -> str:
    name = f"{row.first_name} {row.last_name}".strip()
    return f"{row} ({name})" if name else str(row)
