"""Parameters and headers, read off what the views use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from django_dinero.api import filters, idempotency
from django_dinero.api.filters import Filter, OneOrMoreOf
from django_dinero.api.openapi.components import AMOUNT, KEY, UUID, Schema
from django_dinero.api.pagination import ORDERING, NewestFirstPagination

Need = Literal["required", "optional"]

#: After these an answer may say that it was given before.
_MAY_BE_REPLAYED = [200, 201, 202, 402, 409, 422, 502, 503]

#: The schema of a filter's value, by what reads it.
READ_BY: dict[Callable[[str], Any], Schema] = {
    filters.text: {"type": "string", "maxLength": filters.LENGTH},
    filters.spelled: {"type": "string", "maxLength": filters.LENGTH},
    filters.public_id: UUID,
    filters.currency: {"type": "string", "pattern": "^[A-Za-z]{3}$"},
    filters.yes_or_no: {"type": "boolean"},
    filters.amount: AMOUNT,
    filters.moment: {
        "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]
    },
}

DESCRIPTIONS = {
    "created_from": "Created at this time or later. A date is its midnight in UTC.",
    "created_before": "Created before this time. A date is its midnight in UTC.",
    "price_from": "Of this amount or more, in major units.",
    "price_to": "Of this amount or less, in major units.",
    "live": "Whether real money moves at the account.",
    "gateway_name": "The account that it is of.",
    "customer": "The id of a customer.",
    "card": "The id of a card.",
    "email": "In upper or lower case.",
}


def in_path(name: str, view: Any) -> OpenApiParameter:
    """Return the parameter that names one object."""
    if view.lookup_field == "pk":
        schema: Schema = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
    else:
        schema = UUID if view.lookup_field == "public_id" else KEY
    return OpenApiParameter(name, schema, OpenApiParameter.PATH, required=True)


def of_a_list(view: Any) -> list[OpenApiParameter]:
    """Return the parameters of a list: its pages, its order and its filters."""
    pages = NewestFirstPagination
    size: Schema = {
        "type": "integer",
        "minimum": 1,
        "maximum": pages.max_page_size,
        "default": pages.page_size,
    }
    order: Schema = {
        "type": "string",
        "enum": ["-created_at", "created_at"],
        "default": "-created_at",
    }
    return [
        OpenApiParameter(pages.cursor_query_param, OpenApiTypes.STR, description=_CURSOR),
        OpenApiParameter(pages.page_size_query_param, size, description="Rows on a page."),
        OpenApiParameter(ORDERING, order, description="Newest or oldest first."),
        *(_of_a_filter(name, each) for name, each in view.filters.items()),
    ]


_CURSOR = "Where the page starts: part of the addresses `next` and `previous`."


def _of_a_filter(name: str, each: Filter) -> OpenApiParameter:
    text = DESCRIPTIONS.get(name, "")
    if isinstance(each.read, OneOrMoreOf):
        # Not a list: several generators of clients would repeat the parameter for each.
        choice = f"({'|'.join(each.read.choices)})"
        schema: Schema = {"type": "string", "pattern": f"^{choice}(,{choice})*$"}
        text = f"One or more, with commas between them: {', '.join(each.read.choices)}."
        return OpenApiParameter(name, schema, description=text)
    return OpenApiParameter(name, READ_BY[each.read], description=text)


def of_a_key(need: Need) -> list[OpenApiParameter]:
    """Return the header that names an attempt, and the one of an answer given before."""
    texts = {
        "required": "A new one for each payment, and the same one when a request is repeated.",
        "optional": "With a key, a repeated request makes no second one.",
    }
    schema: Schema = {"type": "string", "pattern": "^[!-~]{1,64}$"}
    headers = [
        OpenApiParameter(
            idempotency.HEADER,
            schema,
            OpenApiParameter.HEADER,
            required=need == "required",
            description=f"{texts[need]} A key belongs to the user who sends it.",
        )
    ]
    if need == "required":
        headers.append(
            OpenApiParameter(
                idempotency.REPLAYED,
                {"type": "string", "enum": ["true"]},
                OpenApiParameter.HEADER,
                response=_MAY_BE_REPLAYED,
                description="The answer was given before: nothing was sent this time.",
            )
        )
    return headers


def of_the_answers(*, operation: bool) -> list[OpenApiParameter]:
    """Return the headers that tell what to do next.

    Args:
        operation: whether the answer is a journal's operation, which may still be open.
    """
    seconds: Schema = {"type": "integer", "minimum": 0}
    address: Schema = {"type": "string", "format": "uri"}
    when = [409, 429, 503, *([200] if operation else [])]
    return [
        OpenApiParameter(
            "Location",
            address,
            OpenApiParameter.HEADER,
            response=[202, 402],
            description="Where the outcome will stand.",
        ),
        OpenApiParameter(
            "Retry-After",
            seconds,
            OpenApiParameter.HEADER,
            response=when,
            description="Seconds after which to ask again.",
        ),
    ]
