"""Reads a request as the gateway does: order, facets, namespaces are enforced, nothing is mended.

Refusals read like those of the gateway's own XML library, as its E00003 messages show them. They
hold the offending value: a client that logs such a message unscrubbed logs a card number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from xml.parsers import expat

from django_dinero.protocols.authorizenet import CHOICES, NAMESPACE, REPLY_ROOTS, ROOTS, TYPES
from django_dinero.sandbox.dialects.authorizenet.unserved import operation_text
from django_dinero.sandbox.dialects.authorizenet.values import problem

_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_HINTS = (f"{_INSTANCE} schemaLocation", f"{_INSTANCE} noNamespaceSchemaLocation")
_CONTENT_TYPES = ("text/xml", "application/xml")
_NO_SUCH_TYPE = "The content-type specified is not supported."
_NO_DTD = (
    "For security reasons DTD is prohibited in this XML document. To enable DTD processing set the"
    " DtdProcessing property on XmlReaderSettings to Parse and pass the settings into"
    " XmlReader.Create method."
)


class Malformed(Exception):
    """The request never reached an operation.

    Args:
        code: the gateway's message code, E00002 to E00045.
        text: its message.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code)
        self.code = code
        self.text = text


class Node:
    """An element of a request: ``name``, ``text`` (empty where it has children) and children."""

    __slots__ = ("_children", "attributes", "name", "namespace", "text")

    def __init__(self, qualified: str, attributes: list[str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        self.namespace = namespace
        self.name = name
        self.attributes = attributes
        self.text = ""
        self._children: list[Node] = []

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    def __iter__(self) -> Iterator[Node]:
        return iter(self._children)

    def append(self, child: Node) -> None:
        self._children.append(child)

    def find(self, name: str) -> Node | None:
        """Return the first child of that name."""
        return next((child for child in self._children if child.name == name), None)

    def all(self, name: str) -> list[Node]:
        """Return every child of that name."""
        return [child for child in self._children if child.name == name]

    def value(self, *path: str) -> str:
        """Return the text at the end of a path of names, empty where there is none."""
        node: Node | None = self
        for name in path:
            if node is None:
                return ""
            node = node.find(name)
        return node.text if node is not None else ""

    def flag(self, name: str) -> bool:
        """Return a boolean child, False where it is absent."""
        return self.value(name).strip() in ("true", "1")


def media_type(content_type: str) -> str:
    """Return the media type of a Content-Type header, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def read(body: bytes, content_type: str) -> Node:
    """Return the root of a request in XML that keeps to the schema in every point.

    Args:
        body: as it was posted.
        content_type: the header's value, parameters included.

    Raises:
        Malformed: with the gateway's code and message.
    """
    if media_type(content_type) not in _CONTENT_TYPES:
        raise Malformed("E00002", _NO_SUCH_TYPE)
    return check(_tree(body))


def check(root: Node) -> Node:
    """Return the root as it is, once the schema allows all of it.

    Raises:
        Malformed: with the gateway's code and message.
    """
    if root.namespace != NAMESPACE:
        raise Malformed("E00045", "The root node does not reference a valid XML namespace.")
    if root.name not in REPLY_ROOTS:
        raise Malformed("E00004", operation_text(root.name))
    _check_complex(root, ROOTS[root.name])
    return root


def _tree(body: bytes) -> Node:
    top = Node("", [])
    stack = [top]
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.ordered_attributes = True

    def start(name: str, attributes: list[str]) -> None:
        node = Node(name, attributes)
        stack[-1].append(node)
        stack.append(node)

    def text(data: str) -> None:
        stack[-1].text += data

    def doctype(*_: object) -> None:
        raise Malformed("E00003", _NO_DTD)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError):
        raise Malformed("E00003", _syntax(parser, stack)) from None
    return next(iter(top))


def _syntax(parser: expat.XMLParserType, stack: list[Node]) -> str:
    """Return the message for a body that is no XML."""
    where = f"Line {parser.ErrorLineNumber}, position {parser.ErrorColumnNumber + 1}."
    if parser.ErrorCode == expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS]:
        if len(stack) == 1:
            return "Root element is missing."
        open_ones = ", ".join(node.name for node in reversed(stack[1:]))
        return (
            "Unexpected end of file has occurred. The following elements are not closed:"
            f" {open_ones}. {where}"
        )
    if len(stack) == 1:
        return f"Data at the root level is invalid. {where}"
    return f"The request is not well-formed XML. {where}"


# -- Against the table ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a sequence: one element, or a choice of several."""

    types: dict[str, str]
    required: bool
    many: bool


@cache
def _places(type_name: str) -> tuple[_Place, ...]:
    choice = CHOICES.get(type_name)
    chosen = choice.names if choice is not None else ()
    places: list[_Place] = []
    for child in TYPES[type_name]:
        if choice is None or child.name not in chosen:
            places.append(_Place({child.name: child.type}, child.required, child.many))
        elif child.name == chosen[0]:
            types = {c.name: c.type for c in TYPES[type_name] if c.name in chosen}
            places.append(_Place(types, choice.required, False))
    return tuple(places)


def _check_complex(node: Node, type_name: str) -> None:
    """Walk the children in their order, as a validating reader meets them."""
    _check_attributes(node)
    places = _places(type_name)
    at, seen = 0, False
    if node.text.strip():
        raise _invalid(node, "cannot contain text", places, 0, False)
    for child in node:
        found = _place(child, places, at, seen)
        if found is None:
            words = f"has invalid child element '{child.name}'{_in(child.namespace)}"
            raise _invalid(node, words, places, at, seen)
        at, seen = found, True
        _check(child, places[at].types[child.name])
    rest = places[at + 1 :] if seen else places[at:]
    if any(place.required for place in rest):
        raise _invalid(node, "has incomplete content", places, at, seen)


def _place(child: Node, places: tuple[_Place, ...], at: int, seen: bool) -> int | None:
    """Where a child may stand, looking on from ``at``; ``seen``: that place has been filled."""
    if child.namespace != NAMESPACE:
        return None
    for index in range(at, len(places)):
        if seen and index == at and not places[index].many:
            continue
        if child.name in places[index].types:
            return index
        if places[index].required and not (seen and index == at):
            return None
    return None


def _check(node: Node, type_name: str) -> None:
    if type_name in TYPES:
        _check_complex(node, type_name)
        return
    _check_attributes(node)
    if type_name == "any":
        return
    if next(iter(node), None) is not None:
        first = next(iter(node))
        words = (
            f"The element '{node.name}'{_in(node.namespace)} cannot contain child element"
            f" '{first.name}'{_in(first.namespace)} because the parent element's content model"
            " is text only."
        )
        raise Malformed("E00003", words)
    found = problem(type_name, node.text)
    if found:
        raise Malformed("E00003", f"The '{NAMESPACE}:{node.name}' element is invalid - {found}")


def _check_attributes(node: Node) -> None:
    for name in node.attributes[::2]:
        if name not in _HINTS:
            local = name.rpartition(" ")[2]
            raise Malformed("E00003", f"The '{local}' attribute is not declared.")


def _invalid(node: Node, words: str, places: tuple[_Place, ...], at: int, seen: bool) -> Malformed:
    names: list[str] = []
    for index in range(at, len(places)):
        filled = seen and index == at
        if not filled or places[index].many:
            names += places[index].types
        if places[index].required and not filled:
            break
    expected = f" List of possible elements expected: '{', '.join(names)}'{_in(NAMESPACE)}."
    text = f"The element '{node.name}'{_in(node.namespace)} {words}."
    return Malformed("E00003", text + (expected if names else ""))


def _in(namespace: str) -> str:
    return f" in namespace '{namespace}'" if namespace else ""
