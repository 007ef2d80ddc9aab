"""Notices: an error, what to do about it, and whether the page may offer another attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from django_dinero import user_messages
from django_dinero.exceptions import DineroError, HeldForReview, InvalidInput, NeedsAttention
from django_dinero.models import Operation, Transaction
from django_dinero.models.labels import label_of
from django_dinero.redaction import scrub


@dataclass(frozen=True, slots=True)
class Notice:
    """An error as a page shows it.

    ``again`` says whether the page may offer to do it once more; where it must not, because the
    first attempt may have worked, the form is left out.
    """

    title: str
    text: str
    again: bool
    detail: str = ""
    operation: Operation | None = None
    transaction: Transaction | None = None
    #: Where else it can be done, and what that page is called.
    url: str = ""
    url_text: str = ""


def of_charge(error: DineroError) -> Notice:
    """Return the notice for a charge or authorization."""
    return _notice(error, user_messages.STAFF_CHARGE)


def of_card(error: DineroError) -> Notice:
    """Return the notice for a card that was to be stored."""
    return _notice(error, user_messages.STAFF_CARD)


def of_customer(error: DineroError) -> Notice:
    """Return the notice for a customer that was to be stored."""
    return _notice(error, user_messages.STAFF_CUSTOMER)


def of_vault(error: DineroError) -> Notice:
    """Return the notice for what was asked about a stored customer or card."""
    return _notice(error, user_messages.STAFF_VAULT)


def of_follow_up(error: DineroError) -> Notice:
    """Return the notice for a capture, void, refund or look-up."""
    return _notice(error, user_messages.STAFF_FOLLOW_UP)


def _notice(error: DineroError, texts: Mapping[str, user_messages.StaffText]) -> Notice:
    title, text, again = user_messages.closest(texts, error.codes())
    key = error.operation.key if error.operation is not None else "?"
    return Notice(
        title=str(title),
        text=str(text) % {"key": key},
        again=again,
        detail=_detail(error) if again or isinstance(error, HeldForReview | NeedsAttention) else "",
        operation=error.operation,
        transaction=error.transaction,
    )


def _detail(error: DineroError) -> str:
    if error.gateway_code:
        return _("The gateway said: %(text)s") % {"text": error_text(error)}
    return _("Reason: %(text)s") % {"text": error_text(error)}


def error_text(error: DineroError) -> str:
    """Return the error's own text, with the gateway's code where it has one."""
    if isinstance(error, InvalidInput):
        return scrub(" ".join(_labelled(name, texts) for name, texts in error.errors.items()))
    text = scrub(str(error.message or error))
    if error.gateway_code:
        return _("%(text)s (gateway code %(code)s)") % {"text": text, "code": error.gateway_code}
    return text


def _labelled(name: str, texts: list[str]) -> str:
    """Return what is wrong with a field, under the label that the pages give it."""
    return f"{label_of(name)}: {' '.join(texts)}"
