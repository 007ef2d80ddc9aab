"""The health view: quick, quiet, and 503 while anything needs somebody."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.core.cache.backends.dummy import DummyCache
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import translation

from django_dinero import health as module
from django_dinero.health import health
from django_dinero.models import WebhookEvent
from django_dinero.services import webhooks
from django_dinero.services.reconcile.run import reconcile
from django_dinero.testing.factories import OperationFactory
from tests.support.recording import RecordingGateway
from tests.support.webhooks import notice

pytestmark = pytest.mark.django_db

urlpatterns = [
    path("health/", health),
    path("other/", lambda request: HttpResponse("for those who have signed in")),
]


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """The answers of other tests are not kept."""
    cache.clear()


def request(user: Any = None, method: str = "GET") -> HttpRequest:
    made: HttpRequest = RequestFactory().generic(method, "/health/")
    made.user = user or AnonymousUser()
    return made


def test_nothing_needs_anybody(gateway: RecordingGateway) -> None:
    reconcile("default")
    mark = gateway.mark
    answer = health(request())
    assert (answer.status_code, answer.content) == (200, b'{"status": "ok"}')
    assert "no-store" in answer["Cache-Control"]
    assert gateway.since(mark) == []


def test_a_stranger_learns_no_more_than_that(gateway: RecordingGateway) -> None:
    answer = health(request())
    assert (answer.status_code, answer.content) == (503, b'{"status": "attention"}')


def test_staff_learn_what_it_is(gateway: RecordingGateway) -> None:
    answer = health(request(get_user_model()(is_staff=True)))
    assert answer.status_code == 503
    assert b'{"default": ["dinero_reconcile has never run to its end."]}' in answer.content


def test_an_answer_is_kept_for_seconds(
    gateway: RecordingGateway, django_assert_num_queries: Any, monkeypatch: Any
) -> None:
    staff = get_user_model()(is_staff=True)
    assert health(request()).status_code == 503
    with django_assert_num_queries(0):
        assert health(request()).content == b'{"status": "attention"}'
        assert b"dinero_reconcile has never run" in health(request(staff)).content
    reconcile("default")
    assert health(request()).status_code == 503
    cache.clear()
    monkeypatch.setattr(module, "KEPT", 0)
    assert health(request()).status_code == 200
    webhooks.store(gateway, notice("transaction", "1"), b"{}")
    WebhookEvent.objects.update(gateway_name="old")
    assert health(request()).status_code == 503


def test_a_language_has_an_answer_of_its_own(gateway: RecordingGateway) -> None:
    staff = request(get_user_model()(is_staff=True))
    english = health(staff).content
    with translation.override("de"):
        assert health(staff).content != english
    assert health(staff).content == english


def test_a_cache_that_fails_changes_no_answer(
    gateway: RecordingGateway, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    reconcile("default")
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.DeadCache"}}
    with caplog.at_level(logging.ERROR):
        assert health(request()).status_code == 200
    assert "The cache failed (ConnectionError)" in caplog.text
    assert "secret" not in caplog.text


class DeadCache(DummyCache):
    """A cache whose server has gone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("", {})

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("secret")


def test_it_works_without_the_middleware_that_knows_users(gateway: RecordingGateway) -> None:
    made = request()
    del made.user
    assert health(made).status_code == 503


@pytest.mark.urls(__name__)
def test_a_login_that_all_pages_ask_for_does_not_keep_the_monitor_out(
    gateway: RecordingGateway, client: Client, settings: Any
) -> None:
    reconcile("default")
    asking = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, asking]
    assert client.get("/other/").status_code == 302
    assert client.get("/health/").status_code == 200


def test_it_is_only_read(gateway: RecordingGateway) -> None:
    assert health(request(method="POST")).status_code == 405
    assert health(request(method="HEAD")).status_code == 503


def test_webhooks_of_a_gateway_that_is_not_configured_need_somebody(
    gateway: RecordingGateway,
) -> None:
    reconcile("default")
    webhooks.store(gateway, notice("transaction", "1"), b"{}")
    WebhookEvent.objects.update(gateway_name="old")
    answer = health(request(get_user_model()(is_staff=True)))
    assert answer.status_code == 503
    assert b'"old": ["It is not configured, and 1 webhook of it waits."]' in answer.content


def test_a_failing_database_is_told_without_its_text(
    gateway: RecordingGateway, monkeypatch: Any
) -> None:
    def gone(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("secret")

    monkeypatch.setattr(module, "status_of", gone)
    monkeypatch.setattr(module, "count_strays", gone)
    answer = health(request(get_user_model()(is_staff=True)))
    assert answer.status_code == 503
    assert b"The database failed." in answer.content
    assert b"secret" not in answer.content


def test_a_wrong_configuration_is_told_without_its_values(settings: Any) -> None:
    entry = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {"secret": 1}}
    settings.DINERO = {"GATEWAYS": {"default": entry}}
    answer = health(request(get_user_model()(is_staff=True)))
    assert answer.status_code == 503
    assert b"manage.py check" in answer.content
    assert b"secret" not in answer.content


def test_a_removed_gateway_does_not_hide_its_unknown_money(gateway: RecordingGateway) -> None:
    reconcile("default")
    OperationFactory(gateway_name="old", state="unknown", live=False)
    answer = health(request(get_user_model()(is_staff=True)))
    assert answer.status_code == 503
    assert (
        b'"old": ["1 operation of unknown outcome, and the gateway is no longer' in answer.content
    )
