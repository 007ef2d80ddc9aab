"""The project's own REST_FRAMEWORK settings neither open the API nor break it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework import negotiation, pagination, parsers, permissions, renderers, versioning
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from django_dinero.api.urls import router
from django_dinero.models import CreditCard, Customer, Difference, Transaction, WebhookEvent
from tests.integration.api.calling import CARD, OTHER_NUMBER, Caller, json_of
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


class OnlyXML(negotiation.BaseContentNegotiation):
    """A project that answers in XML, whatever is asked for."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        raise AssertionError("the project's negotiation was asked")

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        raise AssertionError("the project's negotiation was asked")


#: What projects set for all of their own views.
DEFAULTS: dict[str, tuple[type[APIView], Any]] = {
    "renderer_classes": (APIView, [renderers.BrowsableAPIRenderer]),
    "parser_classes": (APIView, [parsers.FormParser, parsers.JSONParser]),
    "permission_classes": (APIView, [permissions.AllowAny]),
    "content_negotiation_class": (APIView, OnlyXML),
    "versioning_class": (APIView, versioning.NamespaceVersioning),
    "pagination_class": (GenericAPIView, pagination.LimitOffsetPagination),
}


def use(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Set the defaults named, on the classes that the settings are read into."""
    for name in names:
        base, value = DEFAULTS[name]
        patch.setattr(base, name, value)


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """All of them, and an exception handler that must not be reached."""
    use(monkeypatch, *DEFAULTS)
    monkeypatch.setattr(versioning.NamespaceVersioning, "allowed_versions", ["v7"])
    settings.REST_FRAMEWORK = {
        "EXCEPTION_HANDLER": "no.such.handler",
        "COERCE_DECIMAL_TO_STRING": False,
        "TEST_REQUEST_DEFAULT_FORMAT": "multipart",
        "NON_FIELD_ERRORS_KEY": "oops",
        "UNAUTHENTICATED_USER": None,
    }


@pytest.mark.parametrize("name", DEFAULTS)
def test_each_default_is_overridden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, name)
    base, value = DEFAULTS[name]
    viewsets = [viewset for _prefix, viewset, _basename in router.registry]
    views: list[Any] = [view for view in (router.APIRootView, *viewsets) if issubclass(view, base)]
    assert len(views) >= 3
    assert [view for view in views if getattr(view, name) is value] == []


def test_everything_works_as_without_them(hostile: None, owner: Caller, card: CreditCard) -> None:
    assert set(json_of(owner.get(""), 200)) >= {"customers", "cards", "transactions"}
    shown = json_of(owner.post(f"cards/{card.public_id}/charge/", {"price": "12.5"}), 201)
    assert shown["price"] == "12.50"
    page = json_of(owner.get("transactions/"), 200)
    assert (set(page), page["results"]) == ({"next", "previous", "results"}, [shown])
    body = {**CARD, "number": OTHER_NUMBER}
    json_of(owner.post(f"customers/{card.customer.public_id}/cards/", body), 201)
    wrong = json_of(owner.post("customers/", {"email": "nobody"}), 400)
    assert set(wrong["errors"]) == {"email"}


#: What reaches the shapes of a project's own answers.
SHAPES: dict[str, Any] = {
    "DATETIME_FORMAT": "%d.%m.%Y %H:%M",
    "DATE_FORMAT": "%d.%m.%Y",
    "TIME_FORMAT": "%H",
    "COERCE_DECIMAL_TO_STRING": False,
    "COERCE_BIGINT_TO_STRING": True,
    "UNICODE_JSON": False,
    "COMPACT_JSON": False,
    "NON_FIELD_ERRORS_KEY": "oops",
    "LIST_SERIALIZER_ERRORS_AS_DICT": False,
    "URL_FIELD_NAME": "id",
    "PAGE_SIZE": 1,
    "ORDERING_PARAM": "order",
    "SEARCH_PARAM": "status",
    "VERSION_PARAM": "kind",
}


@pytest.mark.parametrize(("name", "value"), [*SHAPES.items(), ("DATETIME_FORMAT", None)])
def test_answers_have_the_shapes_of_the_schema(
    staff: Callable[..., Caller],
    authorization: Transaction,
    settings: Any,
    name: str,
    value: Any,
) -> None:
    day = datetime.date(2026, 11, 28)
    account = {"gateway_name": "default", "live": False}
    Difference.objects.create(**account, kind="books", open_name="x", day=day, amount_here="5.00")
    WebhookEvent.objects.create(**account, event_id="e-1")
    models = ("customer", "creditcard", "transaction", "operation", "difference", "webhookevent")
    reader = staff(*(f"view_{model}" for model in models))
    lists = ("customers", "cards", "transactions", "differences", "webhook-events", "gateways")
    paths = ["", *(f"{name}/" for name in lists), f"operations/{authorization.operation_key}/"]
    before = [json_of(reader.get(path), 200) for path in paths]
    assert all(page["results"] for page in before[1:-1])
    settings.REST_FRAMEWORK = {name: value}
    assert [json_of(reader.get(path), 200) for path in paths] == before


def test_nothing_is_open_with_them(
    hostile: None, card: CreditCard, gateway: RecordingGateway
) -> None:
    mark = gateway.mark
    for path in ("", "customers/", f"cards/{card.public_id}/"):
        assert json_of(Caller().get(path), 403)["code"] == "not_authenticated"
    form: Any = Caller().client.post("/api/customers/", {"email": "bill@example.com"})
    assert json_of(form, 415)["code"] == "unsupported_media_type"
    assert gateway.since(mark) == []


def test_the_projects_object_permissions_are_not_asked(
    owner: Caller, card: CreditCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With these a customer would need the permission to view every card.
    monkeypatch.setattr(APIView, "permission_classes", [permissions.DjangoModelPermissions])
    json_of(owner.get(f"cards/{card.public_id}/"), 200)


# -- Rates -----------------------------------------------------------------------------------------


@pytest.fixture
def rates(settings: Any) -> Any:
    """Sets the project's rates; nobody has been counted."""

    def set_rates(**names: str) -> None:
        found = {name.replace("_", "-"): rate for name, rate in names.items()}
        settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": found}

    cache.clear()
    yield set_rates
    cache.clear()


def test_cards_are_stored_at_their_own_rate(
    rates: Any, owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    rates(dinero_store="2/hour")
    path = f"customers/{customer.public_id}/cards/"
    json_of(owner.post("customers/", {"email": "bill@example.com"}), 201)
    json_of(owner.post(path, {**CARD, "number": OTHER_NUMBER}), 201)
    mark = gateway.mark
    for again in (path, "customers/"):
        refused = owner.post(again, {**CARD, "email": "bill@example.com"})
        assert json_of(refused, 429)["code"] == "throttled"
        assert refused.has_header("Retry-After")
    assert gateway.since(mark) == []
    # What asks the gateway for nothing is not counted, nor is a charge.
    json_of(owner.get(f"customers/{customer.public_id}/"), 200)
    json_of(owner.post(f"customers/{customer.public_id}/charge/", {"price": "1.00"}), 201)


def test_charges_have_their_own_rate(
    rates: Any, owner: Caller, card: CreditCard, gateway: RecordingGateway
) -> None:
    rates(dinero_charge="2/hour")
    ways = (f"cards/{card.public_id}/charge/", f"customers/{card.customer.public_id}/charge/")
    for path in ways:
        json_of(owner.post(path, {"price": "1.00"}), 201)
    for path in ways:
        assert json_of(owner.post(path, {"price": "1.00"}), 429)["code"] == "throttled"
    assert gateway.verbs.count("charge") == 2


def test_the_projects_throttles_count_too(
    rates: Any, owner: Caller, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Never(ScopedRateThrottle):
        def allow_request(self, request: Request, view: APIView) -> bool:
            self.wait = lambda: None  # type: ignore[method-assign]
            return False

    monkeypatch.setattr(APIView, "throttle_classes", [Never])
    for path in ("", "customers/"):
        json_of(owner.get(path), 429)


def test_a_project_that_throttles_by_scopes_of_its_own_is_not_broken(
    rates: Any, owner: Caller, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates(uploads="1/day")
    monkeypatch.setattr(APIView, "throttle_classes", [ScopedRateThrottle])
    for _attempt in range(3):
        json_of(owner.post("customers/", {"email": "bill@example.com"}), 201)


# -- Descriptions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["list", "retrieve", "create", "charge", "refund"])
def test_who_describes_the_api_needs_no_request(action: str) -> None:
    registry: list[Any] = list(router.registry)
    for _prefix, viewset, _basename in registry:
        view = viewset(request=None, action=action, format_kwarg=None)
        fields = view.get_serializer().fields
        assert fields
        assert {"number", "cvc", "token", "gateway_text"}.isdisjoint(fields)
