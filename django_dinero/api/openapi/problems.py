"""The answers that are no success: their one shape, and the codes of each status."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from drf_spectacular.openapi import AutoSchema

from django_dinero import exceptions
from django_dinero.api import disclosure, exception_handler
from django_dinero.api.openapi.components import KEY, TIME, UUID, Schema, enum, named, nullable
from django_dinero.api.throttling import CannotCount
from django_dinero.enums import NextActionKind
from django_dinero.exceptions import DineroError

#: What REST framework refuses, and we before any view is asked.
OF_THE_FRAMEWORK: Mapping[int, tuple[str, ...]] = {
    400: ("parse_error",),
    401: ("not_authenticated", "authentication_failed"),
    403: ("permission_denied", "not_authenticated", "authentication_failed"),
    404: ("not_found",),
    405: ("method_not_allowed",),
    406: ("not_acceptable",),
    411: ("length_required",),
    413: ("body_too_large",),
    415: ("unsupported_media_type",),
    429: ("throttled",),
    503: (CannotCount.default_code, exception_handler.MISCONFIGURED),
}

#: Of a 202 to a DELETE: the row is gone here, and the gateway hears of it, or may have.
OF_A_DELETE = (
    exceptions.NotSent.code,
    exceptions.OutcomeUnknown.code,
    exceptions.OperationInProgress.code,
)

MEANINGS: Mapping[int, str] = {
    202: "It was sent, and its outcome is still to come. Do not repeat it with a new key.",
    400: "Wrong, unknown or missing fields, parameters or headers. Nothing was sent.",
    401: "Nobody is signed in.",
    402: "Declined, or the card's holder has to confirm it first (`next_action`).",
    403: "Nobody is signed in, or this is not allowed.",
    404: "There is no such object, or it belongs to somebody else.",
    405: "This address has no such method.",
    406: "Only JSON is answered.",
    409: "It is being worked on, is a duplicate, or the state does not allow it.",
    411: "The body came without its length.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The key was used with other parameters, or the amount is not possible here.",
    429: "Too many requests.",
    502: "The gateway refused, and not for a reason of the caller's.",
    503: "Nothing reached the gateway, it is in trouble, or it is not set up. Repeat it later.",
}


@cache
def codes_of(status: int) -> tuple[str, ...]:
    """Return the codes that an answer with this status may have."""
    ours = [
        disclosure.code_for(error, in_full=True)
        for error in _every_error()
        if exception_handler.status_of(error) == status
    ]
    return tuple(dict.fromkeys([*ours, *OF_THE_FRAMEWORK.get(status, ())]))


def _every_error() -> list[DineroError]:
    classes = [getattr(exceptions, name) for name in exceptions.__all__]
    # Without __init__, which asks for different things.
    return [kind.__new__(kind) for kind in classes]


def every_code() -> list[str]:
    """Return all codes that there are."""
    statuses = sorted(MEANINGS)
    return sorted({code for status in (*statuses, 500) for code in codes_of(status)})


def codes_after(success: int, status: int) -> tuple[str, ...]:
    """Return the codes of a status, of an action that would otherwise answer ``success``."""
    return OF_A_DELETE if (success, status) == (204, 202) else codes_of(status)


def description_of(status: int, success: int) -> str:
    """Return what a status means, with its codes."""
    codes = ", ".join(f"`{code}`" for code in codes_after(success, status))
    meaning = MEANINGS[status]
    if (success, status) == (204, 202):
        meaning = "It is deleted here; the gateway has not confirmed it yet."
    return f"{meaning} Codes: {codes}."


def error_schema(auto_schema: AutoSchema) -> Schema:
    """Return a reference to the shape that all errors have."""
    code = enum(auto_schema, "ErrorCode", every_code(), "It stays the same in every release.")
    action = _next_action(auto_schema)
    texts = {"type": "array", "items": {"type": "string"}}
    properties: Schema = {
        "code": code,
        "detail": {"type": "string", "description": "A sentence for people."},
        "errors": {
            "type": "object",
            "additionalProperties": texts,
            "description": "What is wrong, by the name of the field, parameter or header.",
        },
        "transaction": {**UUID, "description": "The id of the transaction that it is about."},
        "operation": {**KEY, "description": "The key of the journal's operation."},
        "existing": {**UUID, "description": "The id of the customer or card that is here."},
        "next_action": action,
    }
    schema = {
        "type": "object",
        "description": "The one shape of whatever is no success.",
        "properties": properties,
        "required": ["code", "detail"],
    }
    return named(auto_schema, "Error", schema)


def _next_action(auto_schema: AutoSchema) -> Schema:
    kinds = [kind.value for kind in NextActionKind]
    schema = {
        "type": "object",
        "description": "What the card's holder has to do before the payment goes on.",
        "properties": {
            "kind": enum(auto_schema, "NextActionKind", kinds, ""),
            "value": {
                "type": "string",
                "description": "An address to open, or a secret for the gateway's own script.",
            },
            "expires_at": nullable({**TIME, "description": "When the gateway stops waiting."}),
        },
        "required": ["kind", "value", "expires_at"],
    }
    return named(auto_schema, "NextAction", schema)
