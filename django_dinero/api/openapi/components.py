"""Pieces of schemas, and the named ones among them.

Every name begins with ``Dinero``: a shop has a ``Customer`` and a ``Transaction`` of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, append_meta, is_jsonschema_compliant

Schema = dict[str, Any]

PREFIX = "Dinero"

UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
KEY: Schema = {"type": "string", "pattern": "^[A-Z2-7]{20}$"}
#: In major units, as a price is shown: with the decimals of its currency, at most four.
AMOUNT: Schema = {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,4})?$"}
COUNT: Schema = {"type": "integer", "minimum": 0}


def nullable(schema: Schema) -> Schema:
    """Return the schema of a value that may also be null, as this version of OpenAPI says it."""
    return append_meta(dict(schema), {"nullable": True})


def text_or_whole_number(schema: Schema) -> Schema:
    """Return the schema of a text that may also be sent as a whole number."""
    given = {name: value for name, value in schema.items() if name != "type"}
    if is_jsonschema_compliant():
        return {**given, "type": ["string", "integer"]}
    return {**given, "oneOf": [{"type": "string"}, {"type": "integer"}]}


def named(auto_schema: AutoSchema, name: str, schema: Schema) -> Schema:
    """Return a reference to a component of this name, which is made if it is not there."""
    full = f"{PREFIX}{name}"
    component = ResolvedComponent(
        name=full, type=ResolvedComponent.SCHEMA, schema=schema, object=full
    )
    auto_schema.registry.register_on_missing(component)
    return dict(component.ref)


def enum(auto_schema: AutoSchema, name: str, values: Iterable[str], description: str) -> Schema:
    """Return a reference to a component that lists the values of a text.

    They are components of their own: drf-spectacular names enumerations by their property, and a
    project has a ``state`` and a ``kind`` too.
    """
    schema = {"type": "string", "enum": list(values)}
    return named(
        auto_schema, name, {**schema, "description": description} if description else schema
    )


def any_of(auto_schema: AutoSchema, serializers: Iterable[Any], direction: Any) -> Schema:
    """Return a reference to the serializer's component, or to several: who asks decides."""
    refs = [dict(auto_schema.resolve_serializer(each, direction).ref) for each in serializers]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def required_of(auto_schema: AutoSchema, schema: Mapping[str, Any]) -> bool:
    """Say whether every component that a body may be has fields that it cannot do without."""
    refs = [each["$ref"] for each in schema.get("anyOf", [schema])]
    names = [ref.rpartition("/")[2] for ref in refs]
    found = [auto_schema.registry[name, ResolvedComponent.SCHEMA].schema for name in names]
    return all(each.get("required") for each in found)


def page_of(auto_schema: AutoSchema, serializers: tuple[Any, ...], name: str) -> Schema:
    """Return a reference to a page of a list."""
    address = {"type": "string", "format": "uri"}
    schema = {
        "type": "object",
        "description": "A page of a list. Follow `next` until it is null.",
        "properties": {
            "next": nullable({**address, "description": "The address of the next page."}),
            "previous": nullable({**address, "description": "The address of the page before."}),
            "results": {"type": "array", "items": any_of(auto_schema, serializers, "response")},
        },
        "required": ["next", "previous", "results"],
    }
    return named(auto_schema, f"{name}Page", schema)
