"""Reads request bodies: JSON only, small, with secrets sealed before anything looks at them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from django_dinero.cards import seal
from django_dinero.secrets import Secret

#: Bytes; the longest fields together are a tenth of it.
MAX_BODY = 64 * 1024
SHORTEST_CARD_NUMBER = 12


class BodyTooLarge(APIException):
    """The body is larger than any request of this API."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The body is too large.")
    default_code = "body_too_large"


class SealingJSONParser(BaseParser):
    """Parses one flat JSON object; card numbers, CVVs and tokens leave it as secrets.

    The server's own traceback shows locals: from here on none of them is a number.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object.

        Raises:
            BodyTooLarge: more than :data:`MAX_BODY`.
            ParseError: no JSON, or no flat object; the text quotes nothing of the body.
        """
        raw = stream.read(MAX_BODY + 1)
        too_large = len(raw) > MAX_BODY
        data = None if too_large else _object(raw)
        del raw
        if too_large:
            raise BodyTooLarge
        if data is None:
            raise ParseError(_("The body is no JSON object."))
        nested = any(isinstance(value, dict | list) for value in data.values())
        if nested:
            data.clear()
            raise ParseError(_("Every field takes a text, a number, true, false or null."))
        seal(data)
        return data


def _object(raw: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(
            raw or b"{}",
            parse_int=partial(_number, int),
            parse_float=partial(_number, float),
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _number(kind: Callable[[str], float], text: str) -> float | Secret:
    # A card number may come without quotes; no other field takes this many digits.
    return kind(text) if len(text) < SHORTEST_CARD_NUMBER else Secret(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON (RFC 8259)
