"""Checks one value against its simple type, with the messages of the gateway's XML library."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

from django_dinero.protocols.authorizenet import FACETS, NAMESPACE, Facet

_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", re.ASCII)
_INT = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)
_BOOLEANS = ("true", "false", "1", "0")
_INT_MAX = 2**31 - 1
# What the library calls the kinds of values, and the built-in types that have a name of their own.
_WORDS = {"decimal": "Decimal", "int": "Int32", "boolean": "Boolean", "dateTime": "DateTime"}
_BUILT_IN = ("boolean", "int", "dateTime", "date", "decimal")
# Types that the schema names; the others stand inside an element and are called by their base.
_NAMED = ("numericString", "cardCode", "networkTransId", "marketType")


def problem(type_name: str, text: str) -> str:
    """Return what is wrong with a value, empty when nothing is.

    Args:
        type_name: a key of ``FACETS``.
        text: the element's text as it came.
    """
    facet = FACETS[type_name]
    found = _unlike(facet.base, text) or _beyond(facet, text)
    if not found:
        return ""
    return (
        f"The value '{text}' is invalid according to its datatype '{_called(type_name)}' - {found}"
    )


def _called(type_name: str) -> str:
    if type_name in _BUILT_IN:
        return f"http://www.w3.org/2001/XMLSchema:{type_name}"
    if type_name in _NAMED or type_name.endswith(("Enum", "Type")):
        return f"{NAMESPACE}:{type_name}"
    return {"decimal": "Decimal", "int": "Int"}.get(FACETS[type_name].base, "String")


def _unlike(base: str, text: str) -> str:
    """Return the message for a text that is not of the kind at all."""
    if base == "string" or _reads(base, text.strip(" \t\r\n")):
        return ""
    return f"The string '{text}' is not a valid {_WORDS.get(base, 'Date')} value."


def _reads(base: str, text: str) -> bool:
    if base == "boolean":
        return text in _BOOLEANS
    if base == "int":
        return bool(_INT.fullmatch(text)) and -_INT_MAX - 1 <= int(text) <= _INT_MAX
    if base == "decimal":
        return bool(_DECIMAL.fullmatch(text))
    match = (_DATE if base == "date" else _DATE_TIME).fullmatch(text)
    if match is None:
        return False
    try:
        datetime.datetime.fromisoformat(match[1])
    except ValueError:
        return False
    return True


def _beyond(facet: Facet, text: str) -> str:
    """Return the message for a value of the right kind that breaks a facet."""
    if facet.base in ("int", "decimal"):
        return _beyond_number(facet, text.strip(" \t\r\n"))
    if facet.min_length is not None and len(text) < facet.min_length:
        return "The actual length is less than the MinLength value."
    if facet.max_length is not None and len(text) > facet.max_length:
        return "The actual length is greater than the MaxLength value."
    if facet.pattern is not None and not re.fullmatch(facet.pattern, text):
        return "The Pattern constraint failed."
    if facet.values and text not in facet.values:
        return "The Enumeration constraint failed."
    return ""


def _beyond_number(facet: Facet, text: str) -> str:
    number = Decimal(text)
    digits = text.lstrip("+-")
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    if facet.minimum is not None and number < facet.minimum:
        return "The MinInclusive constraint failed."
    if facet.maximum is not None and number > facet.maximum:
        return "The MaxInclusive constraint failed."
    if facet.fraction_digits is not None and len(fraction) > facet.fraction_digits:
        return "The FractionDigits constraint failed."
    if facet.total_digits is not None and len(whole.lstrip("0") + fraction) > facet.total_digits:
        return "The TotalDigits constraint failed."
    return ""
