"""Content security policies, in the words of whatever middleware writes such headers.

Django's own (from 6.0 on) and django-csp take them from the response, and so does a class made from
one of them. Without such a middleware, whatever others are called, the header is written here. What
a view has set itself stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from django.conf import settings
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

Policy = Mapping[str, list[str]]
HEADER = "Content-Security-Policy"
DJANGO = "django.middleware.csp.ContentSecurityPolicyMiddleware"
DJANGO_CSP = "csp.middleware.CSPMiddleware"


def write_whole(response: HttpResponseBase, policy: Policy) -> None:
    """Give a response this policy in place of the project's."""
    if not _writers(tuple(settings.MIDDLEWARE)):
        response.headers.setdefault(HEADER, _text(policy))
    elif not hasattr(response, "_csp_config"):
        response._csp_config = dict(policy)  # type: ignore[attr-defined]
        if not hasattr(response, "_csp_replace"):
            response._csp_replace = dict(policy)  # type: ignore[attr-defined]


def add(response: HttpResponseBase, policy: Policy) -> None:
    """Put these directives into the policy that the response has or gets."""
    writers = _writers(tuple(settings.MIDDLEWARE))
    if not writers or HEADER in response:
        response[HEADER] = _with(response.get(HEADER, ""), policy)
        return
    given = getattr(response, "_csp_config", None)
    if DJANGO in writers:
        base = {**(getattr(settings, "SECURE_CSP", None) or {}), **policy}
        merged = base if given is None else {**policy, **given}
        response._csp_config = merged  # type: ignore[attr-defined]
    if DJANGO_CSP in writers:
        missing = {name: values for name, values in policy.items() if name not in (given or {})}
        merged = {**missing, **getattr(response, "_csp_replace", {})}
        response._csp_replace = merged  # type: ignore[attr-defined]


def _with(header: str, policy: Policy) -> str:
    """Return a header's text with those directives that it has not."""
    has = {part.split(maxsplit=1)[0].lower() for part in header.split(";") if part.strip()}
    more = _text({name: values for name, values in policy.items() if name not in has})
    return "; ".join(part for part in (header.rstrip("; "), more) if part)


def _text(policy: Policy) -> str:
    return "; ".join(f"{name} {' '.join(values)}" for name, values in policy.items())


@lru_cache(maxsize=8)  # A package that is not installed is looked for anew at each import.
def _writers(middleware: tuple[str, ...]) -> frozenset[str]:
    """Return which of the two that we know are installed, as they are or as a subclass."""
    classes = [each for each in map(_found, middleware) if isinstance(each, type)]
    return frozenset(
        name for name, known in _known() if any(issubclass(each, known) for each in classes)
    )


def _known() -> Iterator[tuple[str, type]]:
    for name in (DJANGO, DJANGO_CSP):
        known = _found(name)
        if isinstance(known, type):
            yield name, known


def _found(path: str) -> object:
    try:
        return import_string(path)
    except ImportError:  # not installed, or not in this release of Django
        return None
