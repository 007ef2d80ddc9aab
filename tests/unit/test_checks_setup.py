"""Checks of what stands around the app: users and routes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from django.http import HttpResponse
from django.urls import include, path

from django_dinero import checks


class OtherDatabase:
    """A router that takes the app's tables away from the users'."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "payments" if model._meta.app_label == "dinero" else None


def view(request: Any) -> HttpResponse:
    return HttpResponse()


def routed(settings: Any, *patterns: Any) -> list[str]:
    """The findings on a project with these routes."""
    urlconf = ModuleType("tests_urlconf")
    urlconf.urlpatterns = list(patterns)  # type: ignore[attr-defined]
    settings.ROOT_URLCONF = urlconf
    return [str(message.msg) for message in checks.check_routes()]


def test_users_in_another_database_are_named_with_the_cure(settings: Any) -> None:
    assert checks.check_users() == []
    settings.DATABASE_ROUTERS = [OtherDatabase()]
    [found] = checks.check_users()
    assert found.id == "dinero.E011"
    assert "'payments'" in str(found.msg)
    assert "'default'" in str(found.msg)
    assert "DATABASE_ROUTERS" in str(found.hint)


def test_routes_that_the_api_hides_are_named(settings: Any) -> None:
    api, shop = path("api/", include("django_dinero.api.urls")), path("api/shop/", view)
    nested = path("api/", include([path("more/", view)]))
    assert routed(settings, shop, nested, api, path("other/", view)) == []
    [found] = routed(settings, api, shop, nested, path("other/", view))
    assert found.endswith("are reached: 'api/shop/', 'api/more/'.")
    inside: list[Any] = [path("pay/", include("django_dinero.api.urls")), path("pay/shop/", view)]
    [found] = routed(settings, path("v1/", include(inside)))
    assert found.startswith("Below 'v1/pay/'")


def test_an_api_at_the_root_hides_all_that_follows(settings: Any) -> None:
    others = [path(f"page-{number}/", view) for number in range(7)]
    [found] = routed(settings, path("", include("django_dinero.api.urls")), *others)
    assert found.endswith("'page-4/', ….")


def test_a_project_without_routes_is_no_finding(settings: Any) -> None:
    settings.ROOT_URLCONF = None
    assert checks.check_routes() == []
