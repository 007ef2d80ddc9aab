"""Checks of what callers pass. One error names every wrong field."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, TypedDict

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email, validate_ipv46_address
from django.utils.translation import gettext as _

from django_dinero import conf
from django_dinero.card_numbers import is_card_number
from django_dinero.cards import (
    ADDRESS_FIELDS,
    CardDetails,
    PaymentToken,
    address_of,
    card_details,
    control_character,
    required_text,
    text_of,
    unsendable,
)
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.input_errors import InputErrors
from django_dinero.redaction import Secret

#: Arguments that describe a card which is not stored yet.
CARD_ARGUMENTS = frozenset({"number", "cvv", "month", "year", "token", *ADDRESS_FIELDS})


#: Digits of a token that is a card number. Tokens of digits alone have more.
CARD_LENGTHS = tuple(range(12, 20))
#: The longest name of who has asked for something, in characters.
NAME_LENGTH = 150


class ShownCard(TypedDict):
    """The part of a card that may be stored and shown."""

    last_4: str
    brand: str


def new_card(values: Mapping[str, Any]) -> CardDetails | PaymentToken | None:
    """Return the card that the arguments describe, or None if they describe none.

    Raises:
        InvalidInput: both a number and a token were passed, or fields are wrong.
    """
    # No local variable holds the number itself, because a traceback shows local variables.
    has_number, token = bool(text_of(values.get("number"))), values.get("token")
    if has_number and token:
        raise InvalidInput({"token": _("Pass a number or a token, not both.")})
    if token:
        return _token(token, values)
    if has_number or any(text_of(values.get(name)) for name in ("cvv", "month", "year")):
        return card_details(values)
    return None


def required_card(values: Mapping[str, Any]) -> CardDetails | PaymentToken:
    """Return the card that the arguments describe.

    Raises:
        InvalidInput: they describe none, or have wrong fields.
    """
    card = new_card(values)
    return card if card is not None else card_details(values)


def _token(token: object, values: Mapping[str, Any]) -> PaymentToken:
    errors: dict[str, str] = {}
    address = address_of(values, errors)
    found = token if isinstance(token, PaymentToken) else PaymentToken(Secret(text_of(token)))
    if not isinstance(token, PaymentToken | Secret | str):
        errors["token"] = _("Pass a PaymentToken, or the token as a str.")
    elif problem := control_character(found.value.reveal() + str(found.descriptor or "")):
        errors["token"] = problem
    elif is_card_number(found.value.reveal(), CARD_LENGTHS):
        # A gateway knows no such token, and its logs and ours may show what was sent as one.
        errors["token"] = _("This looks like a card number; it belongs in the number field only.")
    if errors:
        raise InvalidInput(errors)
    return replace(found, address=address) if any(address.as_dict().values()) else found


def not_stored() -> str:
    """Return what is said of a customer who has no row."""
    return _("This customer is not stored: it was never saved, or has been deleted.")


def shown(card: CardDetails | PaymentToken) -> ShownCard:
    """Return what the journal may keep of a card."""
    if isinstance(card, CardDetails):
        return {"last_4": card.last_4, "brand": card.brand}
    return {"last_4": "", "brand": ""}


def check_email(email: object, *, required: bool) -> str:
    """Return an e-mail address, or raise :class:`InvalidInput` that says what is wrong with it."""
    problem = _email_error(text_of(email), required=required)
    if problem:
        raise InvalidInput({"email": problem})
    return text_of(email)


def _email_error(text: str, *, required: bool) -> str:
    problem = unsendable(text, "email")
    if not text and required:
        return _("An e-mail address is required.")
    if text and not problem:
        return _validator_error(validate_email, text)
    return problem


def _validator_error(validator: Callable[[str], None], text: str) -> str:
    """Return what one of Django's validators says about ``text``, an empty string if it passes."""
    try:
        validator(text)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def check_texts(values: Mapping[str, Any], limits: Mapping[str, int]) -> dict[str, str]:
    """Return the texts named in ``limits`` (characters), or raise naming every wrong one."""
    # No local variable holds a text before all are good: it may be a card number.
    problems = {n: _text_error(n, text_of(values.get(n)), limits[n]) for n in limits}
    errors = {name: problem for name, problem in problems.items() if problem}
    if errors:
        raise InvalidInput(errors)
    return {name: text_of(values.get(name)) for name in limits}


def _text_error(name: str, text: str, limit: int) -> str:
    if len(text) > limit:
        return _("At most %(limit)d characters.") % {"limit": limit}
    return unsendable(text, name)


@dataclass(frozen=True, slots=True)
class CallerKey:
    """The caller's idempotency key (None without one) and the scope in which it is unique."""

    key: str | None = None
    scope: str = ""

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> CallerKey:
        """Read a key from a verb's arguments.

        Raises:
            InvalidInput: the key does not have 1 to 64 visible ASCII characters, or the scope has
                more than 100.
        """
        key, scope = options.get("idempotency_key"), options.get("scope") or ""
        if key is None:
            return cls()
        if not isinstance(key, str):
            text = _("Pass a str, not %(type)s.") % {"type": type(key).__name__}
            raise InvalidInput({"idempotency_key": text})
        if not 1 <= len(key) <= 64 or not all("!" <= c <= "~" for c in key):
            raise InvalidInput(
                {"idempotency_key": _("Use 1 to 64 visible ASCII characters, without blanks.")}
            )
        where = scope.reveal() if isinstance(scope, Secret) else str(scope)
        problem = unsendable(where, "scope")
        if len(where) > 100:
            problem = _("At most 100 characters.")
        if problem:
            del where  # a traceback shows the locals
            raise InvalidInput({"scope": problem})
        return cls(key, where)

    def at(self, gateway_name: str) -> CallerKey:
        """Return the key as it counts at a gateway.

        A gateway that a resolver knows is a tenant's: keys without a scope are its own, so that
        two tenants may both have an order 1001.
        """
        if self.key is None or self.scope or gateway_name in conf.gateways():
            return self
        return replace(self, scope=f"gateway:{gateway_name}")


@dataclass(frozen=True, slots=True)
class MadeBy:
    """Who asked for something: a name, which stays when the user has gone, and the user's key."""

    name: str = ""
    user_pk: object = None

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """Read ``by``.

        Raises:
            InvalidInput: it is neither a stored user nor a name.
        """
        by = values.get("by")
        if isinstance(by, get_user_model()):
            if by.pk is None:
                raise InvalidInput({"by": _("Pass a user who is stored, or a name.")})
            return cls(by.get_username()[:NAME_LENGTH], by.pk)
        if not isinstance(by, str | Secret | None):
            raise InvalidInput({"by": _("Pass a user who is stored, or a name.")})
        return cls(check_texts(values, {"by": NAME_LENGTH})["by"])

    def for_intent(self, owner_pk: object, email: str = "") -> MadeByColumns:
        """Return what an operation keeps of it.

        An owner who pays is not named: the operation has their key, which goes when they are
        erased.

        Args:
            owner_pk: the key of the user who owns the payment, None without one.
            email: of whoever pays.
        """
        is_owner = owner_pk is not None and str(self.user_pk) == str(owner_pk)
        if is_owner or (email and self.name.lower() == email.lower()):
            return {"made_by": "", "made_by_owner": True}
        return {"made_by": self.name, "made_by_owner": False}


class MadeByColumns(TypedDict):
    """The same in the words of an intent."""

    made_by: str
    made_by_owner: bool


def check_ip(value: object) -> str:
    """Return an IP address in its canonical text, an empty string if none was given."""
    text = text_of(value)
    if not text:
        return ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    problem = _validator_error(validate_ipv46_address, text)
    del text  # a traceback shows the locals
    raise InvalidInput({"customer_ip": problem})


def check_for_gateway(errors: InputErrors, gateway: Gateway, given: Mapping[str, Any]) -> None:
    """Check a card's fields against the gateway's maximum lengths and required fields."""
    texts = {name: v for name, v in given.items() if isinstance(v, str)}
    errors.collect(gateway.check_lengths, texts)
    if given.get("token"):
        return
    for name in gateway.required_card_fields:
        if not text_of(given.get(name)):
            errors.add({name: required_text(gateway.name, name)})
