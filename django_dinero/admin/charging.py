"""The page that charges a stored card: one charge, however often it is sent."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from django_dinero import keys
from django_dinero.admin import words
from django_dinero.admin.pages import Posted, admin_form, link
from django_dinero.exceptions import (
    DineroError,
    HeldForReview,
    InvalidInput,
    NeedsReview,
    OutcomeUnknown,
)
from django_dinero.forms import ChargeForm
from django_dinero.forms.fields import add_errors
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard, Transaction
from django_dinero.money import normalise

PERMISSION = "dinero.charge_creditcard"
FIELDSETS: list[tuple[Any, dict[str, Any]]] = [
    (None, {"fields": [("price", "currency"), "settle", "order_reference", "description", "cvv"]}),
]
#: Ends that leave something to find out: they stand in the history too.
OPEN_ENDS = (OutcomeUnknown, HeldForReview, NeedsReview)


class ChargePage:
    """``creditcard/<pk>/charge/``.

    Args:
        model_admin: the cards' admin, whose site, log and messages are used.
    """

    def __init__(self, model_admin: ModelAdmin[Any]) -> None:
        self.model_admin = model_admin

    def __call__(self, request: HttpRequest, pk: int, *, posted: Posted) -> HttpResponseBase:
        """Show the form (GET) or charge the card (POST)."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        card = get_object_or_404(CreditCard.objects.select_related("customer"), pk=pk)
        try:
            gateway = get_gateway(card.gateway_name)
        except InvalidInput as error:
            self.model_admin.message_user(request, words.said(error), messages.ERROR)
            return HttpResponseRedirect(self._home(request, card))
        if request.method != "POST":
            return self._show(request, card, ChargeForm(gateway=gateway))
        form = ChargeForm(posted.data, gateway=gateway, misplaced=posted.misplaced)
        if not form.is_valid():
            return self._show(request, card, form)
        return self._charge(request, card, form, posted)

    @sensitive_variables("posted", "form")
    def _charge(
        self, request: HttpRequest, card: CreditCard, form: ChargeForm, posted: Posted
    ) -> HttpResponseBase:
        notice: words.Notice | None = None
        try:
            row = Transaction.create(
                card=card,
                # Whoever sits here acts for the merchant, the customer on the telephone included.
                initiator="merchant",
                idempotency_key=form.cleaned_data["key"],
                scope=f"admin:{request.user.pk}",
                **form.arguments(),
            )
        except InvalidInput as error:
            add_errors(form, error)
        except DineroError as error:
            notice = words.of_charge(error)
            if isinstance(error, OPEN_ENDS):
                self._log(request, card, notice.title, error.operation and error.operation.key)
        else:
            return self._charged(request, card, row)
        if notice is not None and notice.again:
            # This key has its answer. Another attempt is another charge, and needs another key.
            form.data = posted.data.copy()
            form.data["key"] = keys.new_key()
        return self._show(request, card, form, notice)

    def _charged(
        self, request: HttpRequest, card: CreditCard, row: Transaction
    ) -> HttpResponseBase:
        amount = f"{normalise(row.price, row.currency)} {row.currency}"
        done = _("Charged") if row.kind == "charge" else _("Authorized")
        text = _("%(done)s: %(amount)s, %(card)s (transaction %(id)s).") % {
            "done": done,
            "amount": amount,
            "card": card,
            "id": row.transaction_id,
        }
        if self._log(request, card, text, row.operation_key):
            self.model_admin.message_user(request, text, messages.SUCCESS)
        else:
            text = _("This was done before, and not once more. %(text)s") % {"text": text}
            self.model_admin.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(self._after(request, card, row))

    def _log(self, request: HttpRequest, card: CreditCard, text: str, key: str | None) -> bool:
        """Write an operation into the card's history, unless it stands there already."""
        noted = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(CreditCard),
            object_id=str(card.pk),
            change_message__contains=key or "?",
        )
        if noted.exists():
            return False
        self.model_admin.log_change(request, card, f"{text} [{key}]")
        return True

    def _after(self, request: HttpRequest, card: CreditCard, row: Transaction) -> str:
        """Return where to go from here: this user may be allowed to charge, and nothing else."""
        return link(request, "transaction", row) or self._home(request, card)

    def _home(self, request: HttpRequest, card: CreditCard) -> str:
        return link(request, "creditcard", card) or reverse(
            "admin:index", current_app=self.model_admin.admin_site.name
        )

    def _show(
        self,
        request: HttpRequest,
        card: CreditCard,
        form: ChargeForm,
        notice: words.Notice | None = None,
    ) -> TemplateResponse:
        context = {
            **self.model_admin.admin_site.each_context(request),
            "opts": CreditCard._meta,
            "title": _("Charge a card"),
            "subtitle": f"{card}, {card.customer}",
            "original": card,
            "original_url": link(request, "creditcard", card),
            "form": form,
            "adminform": admin_form(form, FIELDSETS),
            "errors": list(form.errors.values()),
            "media": self.model_admin.media + form.media,
            "notice": notice,
            "operation_url": link(request, "operation", notice.operation if notice else None),
            "transaction_url": link(request, "transaction", notice.transaction if notice else None),
            "button": _("Charge"),
            "facts": [
                (_("Card"), _shown(card), link(request, "creditcard", card)),
                (_("Customer"), str(card.customer), link(request, "customer", card.customer)),
                (_("Stored at"), card.gateway_name, ""),
            ],
        }
        return TemplateResponse(request, "admin/dinero/page.html", context)


def _shown(card: CreditCard) -> str:
    if card.month and card.year:
        return _("%(card)s, expires %(month)02d/%(year)d") % {
            "card": card,
            "month": card.month,
            "year": card.year,
        }
    return str(card)
