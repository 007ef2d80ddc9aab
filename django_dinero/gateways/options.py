"""Reads the options that every backend has, once, with errors that show no value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from django_dinero.exceptions import InvalidInput
from django_dinero.money import exponent
from django_dinero.redaction import Secret

#: What a provider's own pages may show.
CONSOLE_KINDS = ("transaction", "customer", "card")
#: Parts of the names of options whose values are never shown, whoever quotes them.
HIDDEN = ("key", "secret", "login", "password", "token")


def refuse_unknown(gateway_name: str, given: Iterable[str], accepted: Iterable[str]) -> None:
    """Refuse an option that the backend does not have; ignored, it would seem to work.

    Raises:
        ImproperlyConfigured: it names the unknown options and the accepted ones.
    """
    unknown = sorted(set(map(str, given)) - set(accepted))
    if unknown:
        raise ImproperlyConfigured(
            f"DINERO gateway {gateway_name!r}: unknown option(s) {', '.join(unknown)}. "
            f"Accepted: {', '.join(sorted(accepted))}."
        )


def currency(gateway_name: str, given: Mapping[str, Any]) -> str:
    """Return the currency of the account, US dollars if none is given."""
    code = given.get("currency", "USD")
    try:
        exponent(code)
    except InvalidInput:
        raise wrong(gateway_name, "currency", "is no ISO 4217 code in capitals") from None
    return str(code)


def seconds(gateway_name: str, given: Mapping[str, Any], name: str, default: float) -> float:
    """Return a number of seconds above zero."""
    value = given.get(name, default)
    try:
        length = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        length = math.nan
    if not 0 < length < math.inf:
        raise wrong(gateway_name, name, "is a number of seconds above zero")
    return length


def console_addresses(gateway_name: str, given: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the addresses of the provider's own pages, by kind; none if none are given."""
    addresses = given.get("console_url") or {}
    if not isinstance(addresses, Mapping) or not set(addresses) <= set(CONSOLE_KINDS):
        kinds = ", ".join(repr(kind) for kind in CONSOLE_KINDS)
        raise wrong(gateway_name, "console_url", f"is a dict of addresses for {kinds}")
    for address in addresses.values():
        is_address = isinstance(address, str) and address.startswith("https://")
        if not is_address or address.count("{id}") != 1:
            raise wrong(gateway_name, "console_url", "has addresses with https:// and one {id}")
    return dict(addresses)


def hidden_values(given: Mapping[str, Any]) -> Iterator[Secret]:
    """Return the values of the options that are keys, passwords and the like."""
    for name, value in given.items():
        if any(part in str(name).lower() for part in HIDDEN):
            values = value if isinstance(value, list | tuple) else (value,)
            yield from (Secret(each) for each in values if isinstance(each, str | Secret))


def wrong(gateway_name: str, name: str, what: str) -> ImproperlyConfigured:
    """Return the error about one option, without its value."""
    return ImproperlyConfigured(f"DINERO gateway {gateway_name!r}: the option {name!r} {what}.")
