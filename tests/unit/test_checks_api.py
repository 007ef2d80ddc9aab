"""Checks of the API's settings, its rates, and what they hang on."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.http import HttpResponse
from django.urls import include, path

from django_dinero import checks
from django_dinero.wallet.views import CardsView, PayView

PRICE = "tests.unit.test_checks_api.price"
NOT_CALLABLE = "tests.unit.test_checks_api.PRICE"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
DUMMY = "django.core.cache.backends.dummy.DummyCache"
FILES = "django.core.cache.backends.filebased.FileBasedCache"
REDIS = "django.core.cache.backends.redis.RedisCache"


def price(request: Any, asked: Any) -> str:
    return "1.00"


def ids(found: list[CheckMessage]) -> list[str | None]:
    """The ids of findings, each of which has a text."""
    assert all(message.msg for message in found)
    return [message.id for message in found]


@pytest.mark.parametrize(
    ("dinero", "expected"),
    [
        ({}, []),
        ({"API_ACCEPTS_RAW_CARDS": True, "API_BROWSABLE": True}, []),
        ({"API_ACCEPTS_RAW_CARDS": "false"}, ["dinero.E015"]),
        ({"API_BROWSABLE": 1}, ["dinero.E015"]),
        ({"API_GATEWAYS": PRICE}, []),
        ({"API_GATEWAYS": "no.such.module"}, ["dinero.E015"]),
        ({"API_GATEWAYS": NOT_CALLABLE}, ["dinero.E015"]),
        ({"API_GATEWAYS": print}, ["dinero.E015"]),
        ("nonsense", []),
    ],
)
def test_settings(settings: Any, dinero: Any, expected: list[str]) -> None:
    settings.DINERO = dinero
    assert ids(checks.check_api()) == expected


def test_the_browsable_pages_need_the_frameworks_templates(settings: Any) -> None:
    settings.DINERO = {"API_BROWSABLE": True}
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "rest_framework"]
    assert ids(checks.check_api()) == ["dinero.E015"]


@pytest.mark.parametrize("rate", ["10", "ten/hour", "/hour", "10/", "10/year", "-1/hour", 10, ""])
def test_a_rate_that_cannot_be_read(settings: Any, rate: object) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"dinero-store": rate}}
    [found] = checks.check_api()
    assert found.id == "dinero.E018"
    assert "dinero-store" in found.msg


@pytest.mark.parametrize("rate", ["10/s", "10/min", "1/hour", "0/day", None])
def test_a_rate_that_can(settings: Any, rate: object) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"dinero-store": rate, "uploads": "x"}}
    assert checks.check_api() == []


def test_a_name_that_no_rate_has(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"dinero-charges": "1/hour"}}
    [found] = checks.check_api()
    assert found.id == "dinero.W010"
    assert "dinero-charges" in found.msg


@pytest.mark.parametrize(
    ("rest_framework", "expected"),
    [
        ({"NUM_PROXIES": 0}, 0),
        ({"NUM_PROXIES": 1, "DEFAULT_THROTTLE_RATES": {"dinero-charge": "5/day"}}, 0),
        ({}, 1),
        ({"NUM_PROXIES": 1, "DEFAULT_THROTTLE_RATES": {"dinero-charge": None}}, 1),
        ({"DEFAULT_THROTTLE_RATES": {"dinero-address": None}}, 2),
    ],
)
def test_what_strangers_charges_hang_on(settings: Any, rest_framework: Any, expected: int) -> None:
    settings.DINERO = {"API_GUEST_CHARGES": PRICE}
    settings.REST_FRAMEWORK = rest_framework
    assert ids(checks.check_api()) == ["dinero.E017"] * expected


# -- On a server in production ---------------------------------------------------------------------


@pytest.fixture
def shared_cache(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 1}
    settings.CACHES = {"default": {"BACKEND": REDIS, "LOCATION": "redis://127.0.0.1:1"}}


@pytest.mark.parametrize(
    ("secure", "expected"),
    [
        ({}, ["dinero.W011"]),
        ({"SECURE_SSL_REDIRECT": True}, ["dinero.W011"]),
        ({"SECURE_HSTS_SECONDS": 60}, ["dinero.W011"]),
        ({"SECURE_SSL_REDIRECT": True, "SECURE_HSTS_SECONDS": 60}, []),
    ],
)
def test_card_numbers_want_https(
    settings: Any, shared_cache: None, secure: dict[str, Any], expected: list[str]
) -> None:
    settings.DINERO = {"API_ACCEPTS_RAW_CARDS": True}
    for name, value in secure.items():
        setattr(settings, name, value)
    assert ids(checks.check_api_deployment()) == expected
    settings.DINERO = {}
    assert checks.check_api_deployment() == []


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        (LOCMEM, ["dinero.W012"]),
        (DUMMY, ["dinero.W012"]),
        (FILES, ["dinero.W012"]),
        (REDIS, []),
    ],
)
def test_rates_want_a_cache_that_counts(
    settings: Any, tmp_path: Any, backend: str, expected: list[str]
) -> None:
    settings.DINERO = {}
    settings.REST_FRAMEWORK = {"NUM_PROXIES": 0}
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(tmp_path)}}
    assert ids(checks.check_api_deployment()) == expected
    settings.ROOT_URLCONF = "tests.unit.test_checks_api"  # a project without the API
    assert checks.check_api_deployment() == []


@pytest.mark.parametrize("dinero", [{}, {"API_GUEST_CHARGES": PRICE}])
def test_an_address_that_callers_share(
    settings: Any, shared_cache: None, dinero: dict[str, str]
) -> None:
    settings.DINERO = dinero
    assert checks.check_api_deployment() == []
    settings.REST_FRAMEWORK = {}
    found = [*checks.check_api(), *checks.check_api_deployment()]
    assert ids(found) == ["dinero.E017" if dinero else "dinero.W013"]


@pytest.mark.parametrize("view", [CardsView, type("OwnPay", (PayView,), {})])
def test_the_wallets_rates_want_the_same_without_the_api(settings: Any, view: Any) -> None:
    settings.DINERO = {"API_ACCEPTS_RAW_CARDS": True, "API_BROWSABLE": True}
    settings.REST_FRAMEWORK = {}
    settings.CACHES = {"default": {"BACKEND": LOCMEM}}
    settings.ROOT_URLCONF = project(path("", plain_view))
    assert checks.check_api_deployment() == []
    pages = include([path("pay/", view.as_view())])
    settings.ROOT_URLCONF = project(path("", plain_view), path("shop/", pages))
    assert ids(checks.check_api_deployment()) == ["dinero.W012", "dinero.W013"]


def test_pages_for_development_in_production(settings: Any, shared_cache: None) -> None:
    settings.DINERO = {"API_BROWSABLE": True}
    settings.DEBUG = False
    assert ids(checks.check_api_deployment()) == ["dinero.W014"]
    settings.DEBUG = True
    assert checks.check_api_deployment() == []
    settings.DEBUG = False
    settings.ROOT_URLCONF = "tests.unit.test_checks_api"  # a project without the API
    assert checks.check_api_deployment() == []


def project(*routes: Any) -> ModuleType:
    """The routes of a project."""
    made: Any = ModuleType("urls_of_a_project")
    made.urlpatterns = list(routes)
    return made  # type: ignore[no-any-return]


def plain_view(request: Any) -> HttpResponse:
    return HttpResponse()


urlpatterns: list[Any] = []
