"""What a push will send, and what a pull has changed, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from django.utils.translation import gettext as _

from django_dinero.admin.display import expiry, plain_sync_state
from django_dinero.models import CreditCard, Customer
from django_dinero.models.labels import label_of
from django_dinero.models.sync_state import ALL_EDITS

#: A row's name -> its values as a person reads them, by label.
Picture = Mapping[str, Mapping[str, str]]


def waiting_fields(row: Customer | CreditCard) -> list[str]:
    """Return the labels of what was changed here since the last push; none where all may have."""
    if row.edits == ALL_EDITS:
        return []
    return [_label(name) for name in row.PUSHED_FIELDS if row.is_edited(name)]


def picture_of(customer: Customer) -> Picture:
    """Return a customer and its cards as they are stored now."""
    stored = Customer.objects.filter(pk=customer.pk).first()
    cards = CreditCard.objects.filter(customer_pk=customer.pk).order_by("pk")
    pictures = {_("customer"): _values_of(stored)} if stored is not None else {}
    for card in cards:
        shown = {_("expires"): expiry(card), _("default"): _("yes") if card.is_default else _("no")}
        name = f"{card} ({card.card_id})"
        pictures[name] = {**_values_of(card), **shown}
    return pictures


def _values_of(row: Customer | CreditCard) -> dict[str, str]:
    hidden = ("month", "year", "default_of")
    names = [name for name in row.PUSHED_FIELDS if name not in hidden]
    values = {_label(name): str(getattr(row, name)) for name in names}
    return {**values, _("state"): plain_sync_state(row)}


def _label(name: str) -> str:
    return _("default card") if name == "default_of" else str(label_of(name))


class Change(NamedTuple):
    """A difference.

    Attributes:
        text: in words.
        what: the same without the values, which are somebody's name or address.
        model: the name of the row's model in lower case: who may not see such rows reads ``what``.
    """

    text: str
    what: str
    model: str


def between(before: Picture, after: Picture) -> list[Change]:
    """Return what is different now."""
    rows = [_("new: %(row)s") % {"row": name} for name in after if name not in before]
    rows += [_("gone: %(row)s") % {"row": name} for name in before if name not in after]
    found = [Change(text, text, "creditcard") for text in rows]
    for name in after:
        model = "customer" if name == _("customer") else "creditcard"
        old = before.get(name, after[name])
        for label, value in after[name].items():
            if old[label] != value:
                text = _("%(row)s, %(label)s: “%(old)s” is now “%(new)s”") % {
                    "row": name,
                    "label": label,
                    "old": old[label],
                    "new": value,
                }
                found.append(Change(text, f"{name}, {label}", model))
    return found
