"""Whose words a content security policy is handed over in, and what of a view's own stays."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpResponse

from django_dinero.forms import content_policy
from django_dinero.forms.content_policy import DJANGO, DJANGO_CSP, add, write_whole

NOBODY = {"frame-ancestors": ["'none'"]}
WHOLE = {"default-src": ["'none'"], "img-src": ["'self'", "data:"]}


class Theirs:
    """Stands for a middleware that writes policies."""


class CspReport:
    """Has the letters in its name, and writes no policy."""


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (DJANGO, DJANGO_CSP):
        module, _, name = path.rpartition(".")
        stub = ModuleType(module)
        setattr(stub, name, type(name, (Theirs,), {}))
        if path == DJANGO_CSP:
            monkeypatch.setitem(sys.modules, "csp", ModuleType("csp"))
            vars(stub)["Own"] = type("Own", (vars(stub)[name],), {})
        monkeypatch.setitem(sys.modules, module, stub)
    content_policy._writers.cache_clear()


@pytest.fixture(autouse=True)
def forget() -> Any:
    yield
    content_policy._writers.cache_clear()


def response_with(**attributes: Any) -> Any:
    response: Any = HttpResponse()
    vars(response).update(attributes)
    return response


def header_of(response: HttpResponse) -> str | None:
    return response.get("Content-Security-Policy")


@pytest.mark.parametrize("middleware", [[], [f"{__name__}.CspReport"], ["csp_nowhere.Csp"]])
def test_without_such_a_middleware_it_is_the_header(settings: Any, middleware: list[str]) -> None:
    settings.MIDDLEWARE = middleware
    response = response_with()
    add(response, NOBODY)
    assert header_of(response) == "frame-ancestors 'none'"
    response = response_with()
    write_whole(response, WHOLE)
    assert header_of(response) == "default-src 'none'; img-src 'self' data:"


@pytest.mark.parametrize(
    ("own", "with_ours"),
    [
        ("default-src 'self';", "default-src 'self'; frame-ancestors 'none'"),
        ("Frame-Ancestors a.example; img-src *", "Frame-Ancestors a.example; img-src *"),
    ],
)
@pytest.mark.parametrize("middleware", [[], [DJANGO], [DJANGO_CSP]])
def test_a_header_of_the_views_own_stays(
    settings: Any, middleware: list[str], own: str, with_ours: str
) -> None:
    settings.MIDDLEWARE = middleware
    response = response_with()
    response["Content-Security-Policy"] = own
    write_whole(response, WHOLE)
    assert header_of(response) == own
    add(response, NOBODY)
    assert header_of(response) == with_ours


@pytest.mark.parametrize("policy", [None, {}, {"img-src": ["*"], "frame-ancestors": ["*"]}])
def test_djangos_own_gets_the_projects_policy_with_ours(settings: Any, policy: Any) -> None:
    settings.MIDDLEWARE, settings.SECURE_CSP = [DJANGO], policy
    response = response_with()
    add(response, NOBODY)
    assert response._csp_config == {**(policy or {}), **NOBODY}
    assert header_of(response) is None
    response = response_with()
    write_whole(response, WHOLE)
    assert response._csp_config == WHOLE


@pytest.mark.parametrize("name", [DJANGO_CSP, "csp.middleware.Own"])
def test_django_csp_replaces_ours_alone(settings: Any, name: str) -> None:
    settings.MIDDLEWARE = [name]
    response = response_with(_csp_replace={"img-src": ["*"]})
    add(response, NOBODY)
    assert response._csp_replace == {"img-src": ["*"], **NOBODY}
    assert not hasattr(response, "_csp_config")


@pytest.mark.parametrize("middleware", [DJANGO, DJANGO_CSP])
def test_a_policy_that_the_view_has_chosen_stays(settings: Any, middleware: str) -> None:
    settings.MIDDLEWARE, settings.SECURE_CSP = [middleware], {"img-src": ["*"]}
    own = {"default-src": ["'self'"], "frame-ancestors": ["https://a.example"]}
    response = response_with(_csp_config=own)
    write_whole(response, WHOLE)
    add(response, NOBODY)
    assert response._csp_config == own
    assert not getattr(response, "_csp_replace", {})


def test_middleware_is_imported_once(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MIDDLEWARE = [f"{__name__}.CspReport"]
    asked: list[str] = []
    monkeypatch.setattr(content_policy, "import_string", asked.append)
    for _ in range(3):
        write_whole(response_with(), WHOLE)
        add(response_with(), NOBODY)
    assert len(asked) == 3
