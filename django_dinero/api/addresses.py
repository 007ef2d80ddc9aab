"""Addresses of the API itself, below whatever prefix a project has put it."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse
from rest_framework.request import Request


def parameters_of_prefix(request: Request) -> dict[str, Any]:
    """Return what the prefix of a request's address says, as its tenant.

    Neither what the API's own route says, as a card's id, nor what a project has given beside its
    route: no address has that in it.
    """
    match: Any = request.resolver_match
    others = {*match.captured_kwargs, *match.extra_kwargs}
    return {name: value for name, value in match.kwargs.items() if name not in others}


def address_of_operation(key: str, request: Request) -> str:
    """Return the whole address of an operation; empty where a project's prefix allows none.

    Money may have moved: no routes, whatever they are, may make a server error of the answer.
    """
    match: Any = request.resolver_match
    given = {**parameters_of_prefix(request), "key": key}
    try:
        path = reverse(f"{match.namespace}:operation-detail", kwargs=given)
    except NoReverseMatch:
        return ""
    return str(request.build_absolute_uri(path))
