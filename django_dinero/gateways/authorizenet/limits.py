"""What the schema has room for, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _

from django_dinero.cards import CardDetails
from django_dinero.gateways.base import Request, card_of
from django_dinero.gateways.types import ChargeRequest, FollowUpRequest

#: Characters, by our names. A charge's e-mail and a profile's have the same limit.
MAX_LENGTHS: Mapping[str, int] = {
    "email": 255,
    "first_name": 50,
    "last_name": 50,
    "company": 50,
    "address": 60,
    "city": 40,
    "state": 40,
    "zip": 20,
    "country": 60,
    "phone": 25,
    "fax": 25,
}
#: Digits of a card number.
MAX_NUMBER = 16
#: Characters of the description, which takes the order reference too.
MAX_ORDER_TEXT = 255


def errors(request: Request) -> dict[str, str]:
    """Return what does not fit, by field, beside the texts of :data:`MAX_LENGTHS`."""
    return _number_errors(request) | _order_errors(request)


def _number_errors(request: Request) -> dict[str, str]:
    card = card_of(request)
    if isinstance(card, CardDetails) and len(card.number) > MAX_NUMBER:
        text = _("Authorize.Net takes card numbers of at most %(limit)d digits.")
        return {"number": text % {"limit": MAX_NUMBER}}
    return {}


def _order_errors(request: Request) -> dict[str, str]:
    if not isinstance(request, ChargeRequest | FollowUpRequest):
        return {}
    texts = (request.order_reference, request.description)
    if len(" | ".join(text for text in texts if text)) > MAX_ORDER_TEXT:
        text = _("Order reference and description have %(limit)d characters together.")
        return {"description": text % {"limit": MAX_ORDER_TEXT}}
    return {}
