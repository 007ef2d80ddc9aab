"""The page that adds a card to a customer: sent to the gateway in the request that brought it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero import keys
from django_dinero.admin import words
from django_dinero.admin.pages import Posted, admin_form, link
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.forms import AddCardForm
from django_dinero.forms.fields import add_errors
from django_dinero.models import CreditCard, Customer

PERMISSION = "dinero.add_stored_card"
FIELDSETS: list[tuple[Any, dict[str, Any]]] = [
    (None, {"fields": ["number", ("month", "year"), "cvv", "is_default"]}),
    (
        gettext_lazy("Billing address"),
        {
            "fields": [
                ("first_name", "last_name"),
                "company",
                "address",
                ("zip", "city"),
                ("state", "country"),
                ("phone", "fax"),
            ]
        },
    ),
]
#: Where a session keeps the keys of pages that were sent, and how many of them.
USED, KEPT = "dinero_used_keys", 50


class AddCardPage:
    """``customer/<pk>/add-card/``.

    Args:
        model_admin: the customers' admin, whose site, log and messages are used.
    """

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin

    def __call__(self, request: HttpRequest, pk: int, *, posted: Posted) -> HttpResponseBase:
        """Show the form (GET) or store the card (POST)."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        customer = get_object_or_404(Customer, pk=pk)
        if request.method != "POST":
            return self._show(request, customer, AddCardForm(initial=_names(customer)))
        form = AddCardForm(posted.data, misplaced=posted.misplaced)
        if not form.is_valid():
            return self._show(request, customer, form)
        if not _first_use(request, form.cleaned_data["key"]):
            text = _("This page was sent before and was not sent again. These are the cards now.")
            self.model_admin.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(self._after(request, customer))
        return self._add(request, customer, form, posted)

    @sensitive_variables("posted", "form")
    def _add(
        self, request: HttpRequest, customer: Customer, form: AddCardForm, posted: Posted
    ) -> HttpResponseBase:
        notice: words.Notice | None = None
        try:
            card = customer.add_card(**form.arguments())
        except InvalidInput as error:
            add_errors(form, error)
        except DineroError as error:
            notice = words.of_card(error)
        else:
            return self._added(request, customer, card)
        # Another attempt is one more page.
        form.data = posted.data.copy()
        form.data["key"] = keys.new_key()
        return self._show(request, customer, form, notice)

    def _added(
        self, request: HttpRequest, customer: Customer, card: CreditCard
    ) -> HttpResponseBase:
        name = str(card._meta.verbose_name)
        added = [{"added": {"name": name, "object": str(card)}}]
        self.model_admin.log_change(request, customer, added)
        self.model_admin.log_addition(request, card, [{"added": {}}])
        text = _("%(card)s was stored at the gateway.") % {"card": card}
        self.model_admin.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(self._after(request, customer))

    def _after(self, request: HttpRequest, customer: Customer) -> str:
        """Return where to go from here: this user may be allowed to add cards, and nothing else."""
        return link(request, "customer", customer) or reverse(
            "admin:index", current_app=self.model_admin.admin_site.name
        )

    def _show(
        self,
        request: HttpRequest,
        customer: Customer,
        form: AddCardForm,
        notice: words.Notice | None = None,
    ) -> TemplateResponse:
        context = {
            **self.model_admin.admin_site.each_context(request),
            "opts": Customer._meta,
            "title": _("Add a card"),
            "subtitle": str(customer),
            "original": customer,
            "original_url": link(request, "customer", customer),
            "form": form,
            "adminform": admin_form(form, FIELDSETS),
            "errors": list(form.errors.values()),
            "media": self.model_admin.media + form.media,
            "notice": notice,
            "operation_url": link(request, "operation", notice.operation if notice else None),
            "button": _("Store card"),
            "facts": [
                (_("Customer"), str(customer), link(request, "customer", customer)),
                (_("Stored at"), customer.gateway_name, ""),
            ],
        }
        return TemplateResponse(request, "admin/dinero/page.html", context)


def _names(customer: Customer) -> dict[str, str]:
    return {"first_name": customer.first_name, "last_name": customer.last_name}


def _first_use(request: HttpRequest, key: str) -> bool:
    """Say whether a page's key is used for the first time in this session, and note it at once.

    Two requests at the same moment are told apart by the journal, where one operation at most is
    open for a customer's cards.
    """
    used: list[str] = request.session.get(USED, [])
    if key in used:
        return False
    request.session[USED] = [*used, key][-KEPT:]
    request.session.save()
    return True
