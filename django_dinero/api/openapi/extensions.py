"""Tells drf-spectacular of the API; importing it is enough."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
    OpenApiViewExtension,
)
from rest_framework.serializers import ModelSerializer

from django_dinero.api.openapi import fields
from django_dinero.api.openapi.components import (
    AMOUNT,
    PREFIX,
    Schema,
    enum,
    text_or_whole_number,
)
from django_dinero.api.openapi.schema import schema_class


class DineroViews(OpenApiViewExtension):
    """The views, with a schema of their own: whatever the project's default is."""

    target_class = "django_dinero.api.views.base.DineroView"
    match_subclasses = True

    def view_replacement(self) -> Any:
        return type(self.target.__name__, (self.target,), {"schema": schema_class()()})


class _Named(OpenApiSerializerExtension):
    """Serializers under names that a project's own do not have."""

    def get_name(self, auto_schema: Any, direction: Any) -> str | None:
        name = type(self.target).__name__
        return f"{PREFIX}{name.removesuffix('Serializer')}"

    def _plain(self, auto_schema: Any, direction: Any) -> Schema:
        schema: Schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if "__doc__" not in vars(type(self.target)) or type(self.target).__doc__ is None:
            schema.pop("description", None)  # that of a base
        return {"type": "object", "properties": {}, **schema}


class Requests(_Named):
    """What is taken. An unknown field is refused, and so the schema says."""

    target_class = "django_dinero.api.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Schema:
        schema = self._plain(auto_schema, direction)
        kind = type(self.target).__name__
        properties = {
            name: fields.told(fields.SENT, kind, name, each)
            for name, each in schema["properties"].items()
        }
        for name in fields.TEXT_OR_NUMBER & properties.keys():
            properties[name] = text_or_whole_number(properties[name])
        schema = {**schema, "properties": properties, "additionalProperties": False}
        # "required" may not be empty.
        return {**schema, "required": REQUIRED[kind]} if kind in REQUIRED else schema


#: Fields that the services ask for, in words of their own.
REQUIRED = {
    "NewCustomerSerializer": ["email"],
    "StaffNewCustomerSerializer": ["email"],
    "ExplanationSerializer": ["note"],
}


class Secrets(OpenApiSerializerFieldExtension):
    """Card numbers, codes and tokens: they go in and never come out."""

    target_class = "django_dinero.api.fields.SecretField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        return {"type": "string", "writeOnly": True, "format": "password"}


class Amounts(OpenApiSerializerFieldExtension):
    """Amounts in major units, as texts: a number with a point has lost its digits already."""

    target_class = "django_dinero.api.fields.AmountField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Schema:
        return dict(AMOUNT)


class Answers(_Named):
    """What is shown: every field is there in every answer, and some may be null."""

    target_class = "django_dinero.api.fields.RowSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Schema:
        schema = self._plain(auto_schema, direction)
        properties = {
            name: self._shown(auto_schema, name, each)
            for name, each in schema["properties"].items()
        }
        return {**schema, "properties": properties, "required": list(properties)}

    def _shown(self, auto_schema: Any, name: str, each: Schema) -> Schema:
        serializer: ModelSerializer[Any] = self.target
        if "enum" in each:
            model = serializer.Meta.model.__name__
            full = "SyncState" if name == "sync_state" else f"{model}{name.title()}"
            return enum(auto_schema, full, each["enum"], each.get("description", ""))
        return fields.shown(type(serializer).__name__, name, each)


class Gateways(_Named):
    """The gateways, which are no rows."""

    target_class = "django_dinero.api.gateways.GatewaySerializer"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Schema:
        schema = self._plain(auto_schema, direction)
        properties = {
            name: fields.shown("GatewaySerializer", name, each)
            for name, each in schema["properties"].items()
        }
        able = properties["capabilities"]
        words = able["items"]["enum"]
        able["items"] = enum(auto_schema, "Capability", words, "What a gateway can do.")
        return {**schema, "properties": properties, "required": list(properties)}
