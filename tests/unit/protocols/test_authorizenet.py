"""The table of elements: its shape, and that it says what the official schema says."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import xmlschema

from django_dinero.protocols import authorizenet
from django_dinero.protocols.authorizenet import (
    CHOICES,
    FACETS,
    NAMESPACE,
    REPLY_ROOTS,
    ROOTS,
    TYPES,
    UNSIGNED,
    Child,
    Facet,
    arrange,
)

NS = f"{{{NAMESPACE}}}"
XS = "{http://www.w3.org/2001/XMLSchema}"


@pytest.fixture(scope="module")
def official(shared_data: Path) -> Any:
    """The official schema, read by a library of its own."""
    return xmlschema.XMLSchema(shared_data / "AnetApiSchema.xsd")


def test_arrange_sorts_by_the_schema() -> None:
    values = {"cardCode": "900", "expirationDate": "2030-01", "cardNumber": "4111"}
    assert [name for name, _ in arrange("creditCardType", values)] == [
        "cardNumber",
        "expirationDate",
        "cardCode",
    ]


def test_arrange_keeps_the_values() -> None:
    payment: dict[str, object] = {"creditCard": {}}
    items = arrange("transactionRequestType", {"payment": payment, "amount": "1.00"})
    assert items == [("amount", "1.00"), ("payment", payment)]
    assert items[1][1] is payment


def test_arrange_of_nothing() -> None:
    assert arrange("creditCardType", {}) == []


@pytest.mark.parametrize("type_name", sorted(TYPES))
def test_arrange_restores_every_type(type_name: str) -> None:
    names = [child.name for child in TYPES[type_name]]
    assert [name for name, _ in arrange(type_name, dict.fromkeys(reversed(names)))] == names


def test_arrange_names_type_and_unknown_element() -> None:
    with pytest.raises(KeyError, match="creditCardType has no element 'cvv'"):
        arrange("creditCardType", {"cardNumber": "4111", "cvv": "900"})


def test_arrange_names_an_unknown_type() -> None:
    with pytest.raises(KeyError, match="no type 'creditCard'"):
        arrange("creditCard", {})


def test_every_child_has_a_known_type() -> None:
    children = [child for row in TYPES.values() for child in row]
    assert [
        child for child in children if child.type not in TYPES and child.type not in FACETS
    ] == []


def test_every_request_begins_with_the_head() -> None:
    for root, type_name in ROOTS.items():
        if root.endswith("Request") and root != UNSIGNED:
            head = [child.name for child in TYPES[type_name][:3]]
            assert head == ["merchantAuthentication", "clientId", "refId"], root


def test_one_request_has_no_credentials() -> None:
    assert [child.name for child in TYPES[ROOTS[UNSIGNED]]] == ["refId"]


def test_every_request_has_a_reply() -> None:
    requests = {root for root in ROOTS if root.endswith("Request")}
    assert set(REPLY_ROOTS) == requests
    assert set(REPLY_ROOTS.values()) <= set(ROOTS)


def test_choices_name_children() -> None:
    assert CHOICES["paymentType"].required
    assert not CHOICES["merchantAuthenticationType"].required
    for type_name, choice in CHOICES.items():
        assert set(choice.names) <= {child.name for child in TYPES[type_name]}


def test_the_tables_are_read_only() -> None:
    for name in ("TYPES", "CHOICES", "ROOTS", "FACETS", "REPLY_ROOTS"):
        with pytest.raises(TypeError):
            getattr(authorizenet, name)["x"] = None


# Against the official schema ----------------------------------------------------------------------


def _group_elements(group: Any) -> Iterator[tuple[Any, bool]]:
    for part in group:
        if isinstance(part, xmlschema.XsdElement):
            yield part, group.model == "choice"
        else:
            yield from _group_elements(part)


def _elements(type_: Any) -> list[tuple[Any, bool]]:
    return list(_group_elements(type_.content))


def _official_types(official: Any) -> dict[str, Any]:
    """Every type that our roots reach, under the names that our table has for them."""
    found: dict[str, Any] = {}
    waiting = [(type_name, official.elements[root].type) for root, type_name in ROOTS.items()]
    while waiting:
        name, type_ = waiting.pop()
        if name in found:
            continue
        found[name] = type_
        for element, _ in _elements(type_):
            if element.type.is_complex() and element.type.name != f"{XS}anyType":
                local = element.type.local_name or f"{name}.{element.local_name}"
                waiting.append((local, element.type))
    return found


def _line(type_: Any) -> list[Any]:
    """A simple type and those that it was derived from, itself first."""
    line = []
    while type_ is not None:
        line.append(type_)
        type_ = type_.base_type
    return line


def _facet(type_: Any) -> Facet:
    """What the official schema says of a simple type, put into our words."""
    line = _line(type_)
    if type_.name == f"{XS}anyType":
        return Facet(base="any")
    builtin = next(t.local_name for t in line if t.name and t.name.startswith(XS))
    own = [t.facets for t in line if not (t.name or "").startswith(XS)]

    def value(tag: str) -> Any:
        facet = next((f[f"{XS}{tag}"] for f in own if f"{XS}{tag}" in f), None)
        return facet.regexps[0] if tag == "pattern" and facet else getattr(facet, "value", None)

    return Facet(
        min_length=value("length") or value("minLength"),
        max_length=value("length") or value("maxLength"),
        pattern=value("pattern"),
        values=tuple(type_.enumeration or ()),
        base=builtin,
        minimum=_number(value("minInclusive"), builtin),
        maximum=_number(value("maxInclusive"), builtin),
        fraction_digits=value("fractionDigits") if builtin == "decimal" else None,
        total_digits=value("totalDigits"),
    )


def _number(bound: Any, builtin: str) -> decimal.Decimal | None:
    """A bound that the type itself sets; the bounds that any xs:int has are none of ours."""
    if bound is None or (builtin == "int" and abs(bound) >= 2**31 - 1):
        return None
    return decimal.Decimal(str(bound))


def test_the_table_has_the_types_of_the_schema(official: Any) -> None:
    assert set(TYPES) == set(_official_types(official))


def test_every_type_is_as_in_the_schema(official: Any) -> None:
    for name, type_ in _official_types(official).items():
        elements = _elements(type_)
        ours = TYPES[name]
        assert [child.name for child in ours] == [e.local_name for e, _ in elements], name
        for child, (element, chosen) in zip(ours, elements, strict=True):
            _compare(name, child, element, chosen)
        chosen_names = tuple(e.local_name for e, chosen in elements if chosen)
        assert (CHOICES[name].names if name in CHOICES else ()) == chosen_names, name


def _compare(type_name: str, child: Child, element: Any, chosen: bool) -> None:
    where = f"{type_name}.{child.name}"
    assert child.required == (element.min_occurs > 0), where
    assert child.many == (element.max_occurs != 1), where
    if chosen:
        assert child.name in CHOICES[type_name].names
    if child.type in TYPES:
        assert child.type == (element.type.local_name or where)
    else:
        assert FACETS[child.type] == _facet(element.type), where


def test_a_choice_is_required_where_the_schema_requires_it(official: Any) -> None:
    for name, choice in CHOICES.items():
        elements = {e.local_name: e for e, _ in _elements(_official_types(official)[name])}
        assert choice.required == all(elements[part].min_occurs > 0 for part in choice.names), name
