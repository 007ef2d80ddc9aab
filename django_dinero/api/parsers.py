"""Reads request bodies: JSON alone, small, with secrets wrapped before anything looks at them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import IO, Any, NamedTuple

from django.utils.http import parse_header_parameters
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from django_dinero.cards import wrap_secrets
from django_dinero.redaction import Secret

#: Bytes; the longest fields together are a tenth of it.
MAX_BODY = 64 * 1024
SHORTEST_CARD_NUMBER = 12


class BodyTooLarge(APIException):
    """The body is larger than any request of this API."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = _("The body is too large.")
    default_code = "body_too_large"


class LengthRequired(APIException):
    """A body came without its length."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = _("Send the body with a Content-Length, not in chunks.")
    default_code = "length_required"


def refuse_unmeasured(request: Request) -> None:
    """Refuse a body without a length: the framework takes it for none.

    A refund of ``amount`` would be one of everything.

    Raises:
        LengthRequired: there is a body, or one was announced.
    """
    if request.stream is not None:
        return
    # WSGI shows no byte of such a body, only what announced it; ASGI has the bytes.
    if "Transfer-Encoding" in request.headers or request._request.read(1):
        raise LengthRequired


def says_utf_8(request: Request) -> bool:
    """Say whether a body is in UTF-8, as all JSON is (RFC 8259), by its header."""
    _kind, parameters = parse_header_parameters(request.content_type or "")
    return parameters.get("charset", "utf-8").lower() in ("utf-8", "utf8")


class SecretsJSONParser(BaseParser):
    """Parses one flat JSON object; card numbers, CVVs and tokens leave it as secrets.

    A list or an object in a field leaves it as an empty list.

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
            ParseError: no JSON, or no object; the text quotes nothing of the body.
        """
        raw = stream.read(MAX_BODY + 1)
        too_large, no_text = len(raw) > MAX_BODY, not _is_utf_8(raw)
        data = None if too_large or no_text else _object(raw)
        del raw
        if too_large:
            raise BodyTooLarge
        if no_text:
            raise ParseError(_("The body is no UTF-8."))
        if isinstance(data, Place):
            text = _("The body is no JSON: look at line %(line)d, column %(column)d.")
            raise ParseError(text % data._asdict())
        if data is None:
            raise ParseError(_("The body is no JSON object, or it names a field twice."))
        # Its field refuses what is nested, and nothing in it is kept.
        data = {name: [] if isinstance(each, dict | list) else each for name, each in data.items()}
        wrap_secrets(data)
        return data


class Place(NamedTuple):
    """Where a body stops being JSON, counted from 1."""

    line: int
    column: int


def _is_utf_8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _object(raw: bytes) -> dict[str, Any] | Place | None:
    """Return the object, where it goes wrong, or None where that has no place."""
    try:
        data = json.loads(
            raw.decode("utf-8-sig") or "{}",  # the bytes alone could be UTF-16 as well
            parse_int=partial(_number, int),
            parse_float=partial(_number, float),
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_repeats,
        )
    except json.JSONDecodeError as error:
        return Place(error.lineno, error.colno)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _number(kind: Callable[[str], float], text: str) -> float | Secret:
    # A card number may come without quotes; no other field takes this many digits.
    return kind(text) if len(text) < SHORTEST_CARD_NUMBER else Secret(text)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; of two values under one name nobody knows which one is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON (RFC 8259)
