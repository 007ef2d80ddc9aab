"""Writes a reply in JSON, as the gateway does: the content of the reply's root, without its name.

Where an element holds nothing but one repeated element, the array takes its place
(``customerPaymentProfileIdList``, ``transactionResponse.errors``). Elsewhere what may repeat is an
array under its own name (``messages.message``). Numbers and booleans of the schema are those of
JSON, ids and codes are texts. Source: replies of the real gateway's sandbox that its clients have
recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache

from django_dinero.protocols.authorizenet import FACETS, ROOTS, TYPES, Child, arrange
from django_dinero.sandbox.dialects.authorizenet.reply import BOM, ILLEGAL, Tree
from django_dinero.sandbox.http.exchange import Response

#: What every reply has; in JSON it follows the payload, in XML it leads.
_HEAD = tuple(child.name for child in TYPES["ANetApiResponse"])
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
_BOOLEANS = {"true": "true", "1": "true", "false": "false", "0": "false"}


def write_json(root: str, values: Tree, *, bom: bool = True) -> Response:
    """Return the reply of one root element.

    Args:
        root: a key of ``ROOTS``.
        values: what it holds, in any order.
        bom: whether a byte order mark goes before it, as in the real replies.

    Raises:
        KeyError: a name that the schema does not know.
    """
    members = sorted(_members(ROOTS[root], values), key=lambda member: member[0] in _HEAD)
    body = (BOM if bom else b"") + _object(members).encode("utf-8")
    return Response(200, body, {"Content-Type": "application/json; charset=utf-8"})


def _object(members: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members) + "}"


@cache
def _children(type_name: str) -> dict[str, Child]:
    return {child.name: child for child in TYPES[type_name]}


def _members(type_name: str, values: Tree) -> Iterator[tuple[str, str]]:
    """Yield names and their values as JSON; what is empty and may repeat is left out."""
    children = _children(type_name)
    for name, value in arrange(type_name, values):
        child = children[name]
        if not child.many:
            if value is not None:
                yield name, _value(child.type, value)
        elif items := _items(child, value):
            yield name, f"[{','.join(items)}]"


def _items(child: Child, value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [_value(child.type, one) for one in values if one is not None]


@cache
def _repeated(type_name: str) -> Child | None:
    """Return the child of a type that holds nothing but repetitions of it, None for other types."""
    children = TYPES[type_name]
    return children[0] if len(children) == 1 and children[0].many else None


def _value(type_name: str, value: object) -> str:
    if isinstance(value, Mapping):
        repeated = _repeated(type_name)
        if repeated is not None:
            return f"[{','.join(_items(repeated, value.get(repeated.name)))}]"
        return _object(list(_members(type_name, value)))
    if not isinstance(value, str):
        raise TypeError(f"A {type_name} is a {type(value).__name__}, not a text.")
    return _scalar(FACETS[type_name].base, ILLEGAL.sub("", value))


def _scalar(base: str, text: str) -> str:
    """Return a text as the kind of value that the schema has for it."""
    if base in ("int", "decimal") and _NUMBER.fullmatch(text):
        return text
    if base == "boolean" and text in _BOOLEANS:
        return _BOOLEANS[text]
    return json.dumps(text, ensure_ascii=False)
