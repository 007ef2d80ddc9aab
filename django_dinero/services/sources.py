"""What callers pass, turned into requests: checked, all wrong fields in one error."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from django_dinero.cards import (
    ADDRESS_FIELDS,
    CardDetails,
    PaymentToken,
    address_of,
    card_details,
    text_of,
    unsendable,
)
from django_dinero.exceptions import InvalidInput, unexpected_keywords
from django_dinero.secrets import Secret

#: Arguments that describe a card which is not stored yet.
CARD_ARGUMENTS = frozenset({"number", "cvv", "month", "year", "token", *ADDRESS_FIELDS})


def refuse_unknown(given: Mapping[str, Any], accepted: frozenset[str]) -> None:
    """Raise a TypeError that lists the accepted arguments if others were given."""
    unknown = set(given) - accepted
    if unknown:
        raise unexpected_keywords(unknown, set(accepted))


def new_card(values: Mapping[str, Any]) -> CardDetails | PaymentToken | None:
    """Return the card that the arguments describe, or None if they describe none.

    Raises:
        InvalidInput: number and token both, or wrong fields.
    """
    number, token = text_of(values.get("number")), values.get("token")
    if number and token:
        raise InvalidInput({"token": _("Pass a number or a token, not both.")})
    if token:
        return _token(token, values)
    if number or any(text_of(values.get(name)) for name in ("cvv", "month", "year")):
        return card_details(values)
    return None


def checked_card(values: Mapping[str, Any]) -> CardDetails | PaymentToken:
    """Return the card that the arguments describe; describing none is an error."""
    card = new_card(values)
    return card if card is not None else card_details(values)


def _token(token: object, values: Mapping[str, Any]) -> PaymentToken:
    errors: dict[str, str] = {}
    address = address_of(values, errors)
    if not isinstance(token, PaymentToken | Secret | str):
        errors["token"] = _("Pass a PaymentToken, or the token as a str.")
    if errors:
        raise InvalidInput(errors)
    if isinstance(token, PaymentToken):
        given = any(address.as_dict().values())
        return PaymentToken(token.value, token.descriptor, address if given else token.address)
    return PaymentToken(Secret(text_of(token)), address=address)


def check_email(email: object, *, required: bool) -> str:
    """Return an e-mail address, or raise :class:`InvalidInput` that says what is wrong with it."""
    text = text_of(email)
    problem = unsendable(text)
    if not text and required:
        problem = _("An e-mail address is required.")
    elif text and not problem:
        try:
            validate_email(text)
        except ValidationError:
            problem = _("This is no e-mail address.")
    if problem:
        raise InvalidInput({"email": problem})
    return text


def check_texts(values: Mapping[str, Any], limits: Mapping[str, int]) -> dict[str, str]:
    """Return the texts named in ``limits`` (characters), or raise naming every wrong one."""
    texts: dict[str, str] = {}
    errors: dict[str, str] = {}
    for name, limit in limits.items():
        texts[name] = text_of(values.get(name))
        problem = unsendable(texts[name])
        if not problem and len(texts[name]) > limit:
            problem = _("At most %(limit)d characters.") % {"limit": limit}
        if problem:
            errors[name] = problem
    if errors:
        raise InvalidInput(errors)
    return texts


def check_ip(value: object) -> str:
    """Return an IP address in its canonical text, an empty string if none was given."""
    text = text_of(value)
    if not text:
        return ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    raise InvalidInput({"customer_ip": _("This is no IP address.")})
