"""The pages that make a card the default one, and that ask its issuer whether it is good."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.forms import BaseForm
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero.admin import messages as admin_messages
from django_dinero.admin.card_wording import expiry_in_words
from django_dinero.admin.gone import gone_error
from django_dinero.admin.views.base import Fact
from django_dinero.admin.views.confirm import ConfirmPage, Told
from django_dinero.admin.views.safety import CHARGE, customer_text, link
from django_dinero.db.queries import read_again
from django_dinero.exceptions import (
    CardDeclinedError,
    DineroError,
    ExpiryError,
    InvalidCardError,
)
from django_dinero.forms.posted import Posted
from django_dinero.forms.validation import ValidateForm
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import CreditCard


class CardPage(ConfirmPage):
    """What both share: the card must still be at the gateway."""

    def rows(self, request: HttpRequest) -> QuerySet[CreditCard]:
        return super().rows(request).select_related("customer")

    def why_not(self, row: CreditCard) -> DineroError | None:
        """Refuse a card that has gone."""
        return gone_error(row)

    def near(self, row: CreditCard) -> tuple[Any, ...]:
        return (row, row.customer)

    def known(self, request: HttpRequest, row: CreditCard) -> list[Fact]:
        owner, expires = customer_text(request, row.customer), expiry_in_words(row)
        facts = [(_("Customer"), owner, link(request, "customer", row.customer))]
        return [fact for fact in (*facts, (_("Expires"), expires, "")) if fact[1]]


class MakeDefaultPage(CardPage):
    """``creditcard/<pk>/make-default/``."""

    permission = "dinero.change_creditcard"
    title = gettext_lazy("Make a card the default one")
    button = gettext_lazy("Make default")
    explanation = gettext_lazy(
        "This card is charged from now on when only the customer is named, and the gateway is told "
        "so. Nothing is charged now."
    )

    def why_not(self, row: CreditCard) -> DineroError | None:
        """Refuse a card that has gone, and the default one."""
        if row.is_default:
            return DineroError(_("It is the default card already."))
        return super().why_not(row)

    def known(self, request: HttpRequest, row: CreditCard) -> list[Fact]:
        default = row.customer.default_card
        facts = super().known(request, row)
        if default is None or default.pk == row.pk:
            return facts
        return [
            *facts,
            (_("Default until now"), str(default), link(request, "creditcard", default)),
        ]

    def act(self, request: HttpRequest, row: CreditCard, form: BaseForm) -> Told:
        """Save the choice, which pushes it."""
        if row.is_default:
            text = _("%(card)s is the default card already.")
            return Told(text % {"card": row}, messages.WARNING)
        row.is_default = True
        row.save()
        return Told(_("%(card)s is the default card now.") % {"card": row}, messages.SUCCESS)

    def explain(
        self, request: HttpRequest, row: CreditCard, error: DineroError
    ) -> admin_messages.Notice:
        """The choice is stored here before the gateway is told; say so."""
        notice = super().explain(request, row, error)
        read_again(row)
        if not row.is_default:
            return notice
        return admin_messages.Notice(
            title=_("It is the default card here, but the gateway does not know yet."),
            text=_(
                "The card is marked “%(state)s”. “Push now” on its page tells the gateway again."
            )
            % {"state": row.get_sync_state_display()},
            again=False,
            detail=admin_messages.error_text(error),
            operation=notice.operation,
        )


class ValidatePage(CardPage):
    """``creditcard/<pk>/validate/``."""

    permission = CHARGE
    title = gettext_lazy("Ask the issuer about a card")
    button = gettext_lazy("Validate")
    fieldsets = [(None, {"fields": ["cvv"]})]
    explanation = gettext_lazy(
        "The card's issuer is asked whether the card is good. Nothing is charged, nothing is "
        "stored, and the cardholder's statement shows nothing or a note of zero."
    )

    def why_not(self, row: CreditCard) -> DineroError | None:
        """Refuse a card that has gone, and a gateway that cannot ask or is configured no more."""
        try:
            get_gateway(row.gateway_name).require("validate_card")
        except DineroError as error:
            return error
        return super().why_not(row)

    def form(self, row: CreditCard, posted: Posted | None) -> ValidateForm:
        if posted is None:
            return ValidateForm()
        return ValidateForm(posted.data, misplaced=posted.misplaced)

    @sensitive_variables("form")
    def act(self, request: HttpRequest, row: CreditCard, form: BaseForm) -> Told:
        """Ask, and say what the issuer said."""
        row.validate(cvv=form.cleaned_data["cvv"])
        text = _("The issuer says that %(card)s is good. Nothing was charged.")
        return Told(text % {"card": row}, messages.SUCCESS)

    def explain(
        self, request: HttpRequest, row: CreditCard, error: DineroError
    ) -> admin_messages.Notice:
        """A refusal is an answer of the issuer's: it goes into the card's history."""
        notice = super().explain(request, row, error)
        if isinstance(error, CardDeclinedError | InvalidCardError | ExpiryError):
            self.model_admin.log_change(
                request, row, _("Validated: %(text)s") % {"text": notice.title}
            )
        return notice
