"""The form of a new customer, with a first card if one is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero.cards import ADDRESS_FIELDS, card_details
from django_dinero.exceptions import InvalidInput
from django_dinero.forms.cards import AddCardForm, address_fields
from django_dinero.forms.customers import CustomerForm
from django_dinero.forms.fields import KeyField, add_errors, refuse_misplaced
from django_dinero.gateways.calls import check_request
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.types import CardRequest

#: What the plastic says.
CARD = ("number", "month", "year", "cvv")
#: Where the card is billed; the names are the customer's own.
BILLING = tuple(name for name in ADDRESS_FIELDS if name not in ("first_name", "last_name"))


class AddCustomerForm(CustomerForm):
    """E-mail, names and owner; and the card, which may be left out.

    Args:
        *args: as for any form; ``data`` may hold number and CVV as secrets.
        takes_card: whether whoever fills it in may store cards.
        misplaced: fields from which a card number was removed before it came here.
    """

    key = KeyField()
    same_email = forms.BooleanField(
        label=gettext_lazy("Add another customer with this e-mail"),
        required=False,
        help_text=gettext_lazy("Two people may share an address; one person needs no two rows."),
    )
    number = AddCardForm.base_fields["number"]
    month = AddCardForm.base_fields["month"]
    year = AddCardForm.base_fields["year"]
    cvv = AddCardForm.base_fields["cvv"]

    def __init__(
        self,
        *args: Any,
        takes_card: bool = True,
        misplaced: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["number"].required = False
        addresses = address_fields()
        self.fields |= {name: addresses[name] for name in BILLING}
        self.misplaced = misplaced
        if not takes_card:
            for name in (*CARD, *BILLING):
                del self.fields[name]

    @sensitive_variables("values", "details")
    def clean(self) -> dict[str, Any]:
        """Check the card, if there is one; the errors stand at its fields."""
        values = super().clean() or {}
        refuse_misplaced(self, self.misplaced)
        typed = [name for name in (*CARD, *BILLING) if values.get(name)]
        if typed and not values.get("number") and "number" not in self.errors:
            self.add_error("number", _("Type the card's number, or leave out all of the card."))
        elif typed:
            try:
                details = card_details(values)
                gateway = get_gateway(values.get("gateway_name"))
                check_request(gateway, CardRequest("", "", details))
            except InvalidInput as error:
                add_errors(self, error)
        return values

    def warn(self, text: str) -> None:
        """Refuse it once because of the e-mail: whoever ticks the box means it."""
        self.add_error("email", text)

    def without_box(self) -> None:
        """Take the box away, as long as the e-mail is nobody else's."""
        self.fields.pop("same_email", None)

    def arguments(self) -> dict[str, Any]:
        """Return what :meth:`Customer.create` takes, but for the key."""
        names: Sequence[str] = ("email", "first_name", "last_name", "owner", "gateway_name")
        given = {name: self.cleaned_data[name] for name in names if name in self.cleaned_data}
        if self.cleaned_data.get("number"):
            given |= {name: self.cleaned_data[name] for name in (*CARD, *BILLING)}
        return given
