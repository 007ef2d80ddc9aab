"""Writes requests in the schema's order, and reads replies into dicts.

Replies are not validated, since what real servers send does not always match the published schema.
They are bounded in depth, and may hold no document type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any
from xml.parsers import expat

import xmltodict

from django_dinero.protocols.authorizenet import NAMESPACE, ROOTS, TYPES, arrange
from django_dinero.redaction import Secret

#: Replies nest about ten deep. A hostile one might nest without end.
MAX_DEPTH = 64

_SPECIAL = re.compile("[&<>]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
#: Characters that XML 1.0 cannot carry in any form. Their complement takes 3 ms to compile.
_UNSENDABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_CHILD_TYPES = {(name, child.name): child.type for name in TYPES for child in TYPES[name]}


class UnreadableReply(Exception):
    """The reply is no XML of the kind that this API sends."""


def build(root: str, values: Mapping[str, Any]) -> bytes:
    """Return a request document.

    Args:
        root: the root element, which names the operation.
        values: children by name in any order. None, empty text and empty mappings are left out,
            since an empty element breaks the schema. A list repeats its element. A Secret is
            revealed when its bytes are written, and not before.

    Raises:
        KeyError: a name that the schema does not have in this place.
        ValueError: a character that XML cannot carry.
    """
    parts = ['<?xml version="1.0" encoding="utf-8"?><', root, ' xmlns="', NAMESPACE, '">']
    try:
        _write(parts, ROOTS[root], values)
    except KeyError:
        # A traceback may show locals, and these hold what was written so far.
        parts.clear()
        raise
    parts.append(f"</{root}>")
    text = "".join(parts)
    if not _UNSENDABLE.search(text):
        return text.encode()
    parts.clear()
    text = ""
    raise ValueError("A value has a character that XML cannot carry.")


def _write(parts: list[str], type_name: str, values: Mapping[str, Any]) -> None:
    for name, value in arrange(type_name, values):
        for item in value if isinstance(value, list | tuple) else (value,):
            _write_one(parts, name, _CHILD_TYPES.get((type_name, name), ""), item)


def _write_one(parts: list[str], name: str, type_name: str, item: Any) -> None:
    if isinstance(item, Mapping):
        start = len(parts)
        parts.append(f"<{name}>")
        _write(parts, type_name, item)
        if len(parts) == start + 1:
            parts.pop()
        else:
            parts.append(f"</{name}>")
    elif item is not None:
        text = item.reveal() if isinstance(item, Secret) else str(item)
        if text:
            parts.append(f"<{name}>{_SPECIAL.sub(_escaped, text)}</{name}>")


def _escaped(found: re.Match[str]) -> str:
    return _ESCAPES[found[0]]


def parse(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return a reply's root element and its content.

    Raises:
        UnreadableReply: it is not well-formed, has a document type, nests too deep, is of another
            namespace or has no elements.
    """
    problem = ""
    try:
        # As bytes: most replies begin with a byte order mark, which expat understands.
        document = xmltodict.parse(body, xml_attribs=False, expat=_GUARDED_EXPAT)
        ((root, content),) = document.items()
    except (expat.ExpatError, ValueError, LookupError) as error:
        # A LookupError is an encoding that nobody knows.
        problem = type(error).__name__
    # Neither the frame nor the context of the error that follows may show the reply.
    body = b""
    if problem:
        raise UnreadableReply(problem)
    if content is None:
        content = {}
    if not isinstance(content, dict):
        document, content = {}, {}
        raise UnreadableReply("text instead of elements")
    return root, content


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Guarded:
    """An expat parser that refuses document types and deep nesting, and drops prefixes.

    xmltodict checks none of these; it sets its handlers on whatever parser it is given.
    """

    def __init__(self, encoding: str | None, separator: str | None) -> None:
        parser = expat.ParserCreate(encoding, separator)
        parser.StartDoctypeDeclHandler = _refuse_doctype
        object.__setattr__(self, "_parser", parser)
        object.__setattr__(self, "_depth", 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "StartElementHandler":
            value = self._counting_start(value)
        elif name == "EndElementHandler":
            value = self._counting_end(value)
        elif name == "StartDoctypeDeclHandler":
            return
        setattr(self._parser, name, value)

    def _counting_start(self, handler: Any) -> Any:
        state = self.__dict__

        def start(name: str, attributes: Any) -> None:
            state["_depth"] += 1
            if state["_depth"] > MAX_DEPTH:
                raise ValueError("nested too deep")
            if state["_depth"] == 1 and _namespace(name, attributes) not in ("", NAMESPACE):
                raise ValueError("another namespace")
            handler(_local(name), attributes)

        return start

    def _counting_end(self, handler: Any) -> Any:
        state = self.__dict__

        def end(name: str) -> None:
            state["_depth"] -= 1
            handler(_local(name))

        return end


def _namespace(name: str, attributes: list[str]) -> str:
    """Return the namespace of a root element; some recorded replies declare none."""
    prefix = name.rpartition(":")[0]
    declared = dict(zip(attributes[::2], attributes[1::2], strict=True))
    return declared.get(f"xmlns:{prefix}" if prefix else "xmlns", "")


def _refuse_doctype(*args: Any) -> None:
    raise ValueError("a document type")


_GUARDED_EXPAT = SimpleNamespace(
    ParserCreate=_Guarded, ExpatError=expat.ExpatError, error=expat.error
)


# -- Reading what was parsed -----------------------------------------------------------------------


def at(content: Any, *path: str) -> Any:
    """Return what is at a path, None if anything on the way is missing or empty."""
    for name in path:
        if not isinstance(content, dict):
            return None
        content = content.get(name)
    return content


def text_at(content: Any, *path: str) -> str:
    """Return the text at a path, empty if there is none."""
    value = at(content, *path)
    return value if isinstance(value, str) else ""


def list_at(content: Any, *path: str) -> list[Any]:
    """Return the elements at a path, which may be there once, many times or not at all."""
    value = at(content, *path)
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def dicts_at(content: Any, *path: str) -> list[dict[str, Any]]:
    """Return the elements at a path that have children."""
    return [item for item in list_at(content, *path) if isinstance(item, dict)]


def texts_at(content: Any, *path: str) -> Iterable[str]:
    """Return the elements at a path that have only text, as that text."""
    return [item for item in list_at(content, *path) if isinstance(item, str)]
