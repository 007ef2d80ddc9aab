"""Reads a request in JSON. The gateway makes XML of it and reads that, so all its rules hold.

An object is an element and its names are the elements inside, in their order; an array repeats the
element that it stands for. A number is its text as it was sent.
"""

from __future__ import annotations

import json
from typing import NoReturn

from django_dinero.protocols.authorizenet import NAMESPACE
from django_dinero.sandbox.dialects.authorizenet.parse import Malformed, Node, check
from django_dinero.sandbox.dialects.authorizenet.reply import ILLEGAL

#: Levels of objects; no element of the schema stands as deep as a quarter of this.
MAX_DEPTH = 64
_TOO_DEEP = f"The request is nested deeper than {MAX_DEPTH} levels."


def read_json(body: bytes) -> Node:
    """Return the root of a request that keeps to the schema in every point.

    Args:
        body: as it was posted: an object with one name, that of the request.

    Raises:
        Malformed: with the gateway's code and message.
    """
    top = _node("", _document(body), 0)
    roots = list(top)
    if not roots:
        # As the real one answers an empty body, in JSON too.
        raise Malformed("E00003", "Root element is missing.")
    if len(roots) > 1:
        raise Malformed("E00003", "The object holds more than one request.")
    return check(roots[0])


def _document(body: bytes) -> object:
    """Return what the body says, empty for an empty body; numbers are texts."""
    try:
        text = body.decode("utf-8-sig")
        if not text.strip():
            return ""
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=str,
            parse_float=str,
            parse_constant=_no_number,
        )
    except json.JSONDecodeError as error:
        where = f"Line {error.lineno}, position {error.colno}."
        raise Malformed("E00003", f"The request is not well-formed JSON. {where}") from None
    except UnicodeDecodeError:
        raise Malformed("E00003", "The request is not in UTF-8.") from None
    except RecursionError:
        raise Malformed("E00003", _TOO_DEEP) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object. JSON leaves open which of two equal names counts, so there may be one."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise Malformed("E00003", f"The name '{name}' appears twice in one object.")
        found[name] = value
    return found


def _no_number(text: str) -> NoReturn:
    """Refuse NaN and its like, which JSON does not have."""
    raise Malformed("E00003", f"The request is not well-formed JSON: {text} is no number.")


def _node(name: str, value: object, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise Malformed("E00003", _TOO_DEEP)
    node = Node(f"{NAMESPACE} {_legal(name)}", [])
    if isinstance(value, dict):
        for key, inside in value.items():
            for one in inside if isinstance(inside, list) else [inside]:
                node.append(_node(key, one, depth + 1))
    elif isinstance(value, list):
        raise Malformed("E00003", f"'{name or 'The request'}' is an array where none belongs.")
    else:
        node.text = _text(value)
    return node


def _text(value: object) -> str:
    """Return the text of an element; null makes an empty one."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _legal(str(value))


def _legal(text: str) -> str:
    """Return the text; refuse characters that JSON can write and XML cannot."""
    found = ILLEGAL.search(text)
    if found is not None:
        raise Malformed("E00003", f"U+{ord(found[0]):04X} is an invalid character.")
    return text
