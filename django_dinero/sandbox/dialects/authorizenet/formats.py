"""XML or JSON: a request's content type decides, and its reply is written in the same."""

from __future__ import annotations

import re
from typing import Final

from django_dinero.sandbox.dialects.authorizenet.json_parse import read_json
from django_dinero.sandbox.dialects.authorizenet.json_reply import write_json
from django_dinero.sandbox.dialects.authorizenet.parse import Node, media_type, read
from django_dinero.sandbox.dialects.authorizenet.reply import Tree, write
from django_dinero.sandbox.http.exchange import Request, Response

#: How much of a body is searched for the name of its root.
_HEAD_BYTES: Final = 2000
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_JSON_ROOT = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*\{\s*"([A-Za-z_][\w.-]*)"')


def _is_json(request: Request) -> bool:
    return media_type(request.header("Content-Type")) == "application/json"


def read_request(request: Request) -> Node:
    """Return the root of a request.

    Raises:
        Malformed: with the gateway's code and message.
    """
    if _is_json(request):
        return read_json(request.body)
    return read(request.body, request.header("Content-Type"))


def write_reply(request: Request, root: str, values: Tree, *, bom: bool) -> Response:
    """Return the reply to a request, in its format; XML where that is none of the two."""
    return (write_json if _is_json(request) else write)(root, values, bom=bom)


def root_of(request: Request) -> str:
    """Return the name of the root element, empty if there is none at the body's beginning."""
    pattern = _JSON_ROOT if _is_json(request) else _ROOT
    match = pattern.search(request.body[:_HEAD_BYTES])
    return match[1].decode("ascii") if match else ""
