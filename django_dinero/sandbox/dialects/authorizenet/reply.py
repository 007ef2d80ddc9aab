"""Writes a reply in XML: elements in the order of the schema, in UTF-8, after a byte order mark."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from django_dinero.protocols.authorizenet import NAMESPACE, ROOTS, TYPES, arrange
from django_dinero.sandbox.http.exchange import Response

#: Element names and a str, a mapping, a list of these, or None where the element is left out.
Tree = Mapping[str, object]

BOM = b"\xef\xbb\xbf"
_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_SPACES = (
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    f' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="{NAMESPACE}"'
)
#: What no XML 1.0 document may hold, not even escaped.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})


def write(root: str, values: Tree, *, bom: bool = True) -> Response:
    """Return the reply of one root element.

    Args:
        root: a key of ``ROOTS``.
        values: what it holds, in any order; an empty text makes an empty element.
        bom: whether a byte order mark goes before it, as in the real replies.

    Raises:
        KeyError: a name that the schema does not know.
    """
    inside = "".join(_elements(ROOTS[root], values))
    text = f"{_HEAD}<{root}{_SPACES}>{inside}</{root}>"
    body = (BOM if bom else b"") + text.encode("utf-8")
    return Response(200, body, {"Content-Type": "application/xml; charset=utf-8"})


@cache
def _child_types(type_name: str) -> dict[str, str]:
    return {child.name: child.type for child in TYPES[type_name]}


def _elements(type_name: str, values: Tree) -> Iterator[str]:
    types = _child_types(type_name)
    for name, value in arrange(type_name, values):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                inside = "".join(_elements(types[name], one))
            elif isinstance(one, str):
                inside = ILLEGAL.sub("", one).translate(_ESCAPES)
            elif one is None:
                continue
            else:
                raise TypeError(f"{type_name}.{name} is a {type(one).__name__}, not a text.")
            yield f"<{name}>{inside}</{name}>" if inside else f"<{name} />"
