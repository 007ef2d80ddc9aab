"""The OpenAPI schema: whole, valid, without a warning, and the same in any project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.validation import validate_schema
from drf_spectacular.views import SpectacularAPIView
from openapi_spec_validator import validate
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from django_dinero import exceptions
from django_dinero.api.openapi import endpoints, examples
from django_dinero.api.openapi.problems import codes_of, every_code
from django_dinero.api.openapi.views import SchemaView
from django_dinero.api.urls import urlpatterns as routes
from django_dinero.api.views.customers import CustomerViewSet
from django_dinero.api.views.gateways import GatewayViewSet
from django_dinero.models import Customer
from tests.support import contract_of_the_api
from tests.support.contract_of_the_api import contract, generate

pytestmark = pytest.mark.once

Schema = dict[str, Any]
REF = re.compile(r'"\$ref": "#/components/schemas/(\w+)"')


@pytest.fixture(scope="module")
def schema() -> Schema:
    """The schema of the tests' own project."""
    return contract().schema


def operations(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Every operation, by method and path."""
    for path_, item in schema["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path_}", operation


def served() -> set[tuple[type[Any], str]]:
    """The views and actions of all routes but the last, which knows no action."""
    found: set[tuple[type[Any], str]] = set()
    patterns: list[Any] = list(routes)
    for pattern in patterns[:-1]:
        actions = getattr(pattern.callback, "actions", None) or {"get": "get"}
        found |= {
            (pattern.callback.cls, name) for method, name in actions.items() if method != "head"
        }
    return found


def test_every_route_says_what_it_takes_and_answers() -> None:
    assert served() == set(endpoints.ENDPOINTS)
    assert {view for view, _action in served()} == set(endpoints.RESOURCES)


def test_every_route_is_in_the_schema(schema: Schema) -> None:
    ids = [operation["operationId"] for _name, operation in operations(schema)]
    assert len(ids) == len(set(ids)) == len(endpoints.ENDPOINTS)
    assert all(each.startswith("dinero_") for each in ids)


@pytest.mark.parametrize("version", ["3.0.3", "3.1.1"])
@pytest.mark.parametrize("split", [False, True])
def test_it_is_valid(version: str, split: bool) -> None:
    made = generate(version, COMPONENT_SPLIT_REQUEST=split)
    assert made["openapi"] == version
    validate_schema(made)
    validate(made)


def test_every_name_is_ours(schema: Schema) -> None:
    assert [name for name in schema["components"]["schemas"] if not name.startswith("Dinero")] == []


def test_nothing_is_named_that_is_not_there(schema: Schema) -> None:
    named = set(REF.findall(json.dumps(schema)))
    assert named == set(schema["components"]["schemas"])


# -- Requests --------------------------------------------------------------------------------------


def body_of(schema: Schema, operation_id: str) -> set[str]:
    """The names of the bodies that an operation takes."""
    [found] = [each for _n, each in operations(schema) if each["operationId"] == operation_id]
    return set(REF.findall(json.dumps(found.get("requestBody", {}))))


def test_bodies_are_what_is_sent_and_not_what_is_answered(schema: Schema) -> None:
    assert body_of(schema, "dinero_customers_create") == {
        "DineroNewCustomer",
        "DineroStaffNewCustomer",
    }
    assert body_of(schema, "dinero_cards_charge") == {"DineroNewCharge", "DineroStaffNewCharge"}
    assert body_of(schema, "dinero_customers_add_card") == {"DineroNewCard"}
    assert body_of(schema, "dinero_transactions_refund") == {"DineroFollowUp"}
    assert body_of(schema, "dinero_cards_make_default") == set()


def test_an_unknown_field_is_no_body(schema: Schema) -> None:
    requests = [
        name
        for _n, each in operations(schema)
        for name in REF.findall(json.dumps(each.get("requestBody", {})))
    ]
    assert len(requests) > 10
    for name in requests:
        assert schema["components"]["schemas"][name]["additionalProperties"] is False


@pytest.mark.parametrize("name", ["DineroNewCard", "DineroNewCustomer"])
def test_secrets_go_in_alone(schema: Schema, name: str) -> None:
    shown = schema["components"]["schemas"]
    for secret in ("number", "token", "cvv"):
        assert shown[name]["properties"][secret]["writeOnly"] is True
    answers = ("DineroCard", "DineroCustomer", "DineroStaffTransaction", "DineroOperation")
    for answer in answers:
        assert {"number", "token"}.isdisjoint(shown[answer]["properties"])


def test_the_key_stands_where_money_moves(schema: Schema) -> None:
    required: set[str] = set()
    optional: set[str] = set()
    for _name, operation in operations(schema):
        for each in operation.get("parameters", ()):
            if each["name"] == "Idempotency-Key":
                group = required if each.get("required") else optional
                group.add(operation["operationId"].removeprefix("dinero_"))
                replayed = "Idempotency-Replayed" in operation["responses"][
                    "201" if "201" in operation["responses"] else "200"
                ].get("headers", {})
                assert replayed is bool(each.get("required"))
    assert optional == {"customers_create"}
    verbs = ("capture", "void", "refund", "approve", "decline")
    charges = {"customers_charge", "cards_charge", "charges_create"}
    assert required == charges | {f"transactions_{verb}" for verb in verbs}


def test_amounts_are_texts(schema: Schema) -> None:
    for name, each in schema["components"]["schemas"].items():
        for field, shown in each.get("properties", {}).items():
            if field in ("price", "amount") or field.endswith("_amount"):
                assert (shown["type"], "pattern" in shown) == ("string", True), (name, field)


def test_the_lists_name_their_filters(schema: Schema) -> None:
    for view, _action in served():
        if not hasattr(view, "list") or view is GatewayViewSet:  # they are no rows
            continue
        name = f"dinero_{endpoints.RESOURCES[view][0]}_list"
        [found] = [each for _n, each in operations(schema) if each["operationId"] == name]
        query = {each["name"] for each in found["parameters"] if each["in"] == "query"}
        assert query == {"cursor", "page_size", "ordering", *view.filters}


@pytest.mark.parametrize("guests", [True, False])
def test_shoppers_need_not_sign_in_where_they_pay_what_the_project_says(
    settings: Any, guests: bool
) -> None:
    more = {"API_GUEST_CHARGES": "django_dinero.conf.api"} if guests else {}
    settings.DINERO = {**settings.DINERO, **more}
    made = generate()
    for address, method in (("charges", "post"), ("gateways", "get"), ("customers", "post")):
        allowed = {} in made["paths"][f"/api/{address}/"][method]["security"]
        assert allowed is (guests and address != "customers")


# -- Answers ---------------------------------------------------------------------------------------


def test_every_code_stands_in_the_list() -> None:
    codes = {getattr(exceptions, name).code for name in exceptions.__all__}
    assert codes <= set(every_code())
    assert "card_declined" in codes_of(402)
    assert "not_sent" in codes_of(503)


def test_every_refusal_has_the_one_shape(schema: Schema) -> None:
    for name, operation in operations(schema):
        for status, answer in operation["responses"].items():
            if int(status) >= 400 or status == "202":
                shown = answer["content"]["application/json"]["schema"]
                assert shown == {"$ref": "#/components/schemas/DineroError"}, (name, status)


def test_every_example_is_as_the_schema_says(schema: Schema) -> None:
    found = contract()
    seen = 0
    for name, operation in operations(schema):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for part in [*bodies, *operation["responses"].values()]:
            for content in part.get("content", {}).values():
                for title, example in content.get("examples", {}).items():
                    assert found.faults(content["schema"], example["value"]) == [], (name, title)
                    seen += 1
    assert seen > 100


def test_every_body_and_every_success_has_an_example(schema: Schema) -> None:
    for name, operation in operations(schema):
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["examples"], name
        success = next(a for s, a in operation["responses"].items() if s in ("200", "201", "204"))
        for content in success.get("content", {}).values():
            assert content["examples"], name
    ids = {each["operationId"].removeprefix("dinero_") for _n, each in operations(schema)}
    assert set(examples.REQUESTS) | set(examples.ANSWERS) <= ids


# -- In a project ----------------------------------------------------------------------------------


class Customers(serializers.Serializer[Any]):
    """A shop's own, under the names of ours."""

    kind = serializers.ChoiceField(["private", "company"])
    state = serializers.ChoiceField(["new", "known"])
    price = serializers.DecimalField(10, 2)


Customers.__name__ = "CustomerSerializer"


class ShopView(ListAPIView[Any]):
    serializer_class = Customers
    queryset = Customer.objects.none()


class OurCustomers(CustomerViewSet):
    """A project's own kind of our view, with an action more."""

    @action(detail=True, methods=["get"])
    def orders(self, request: Any, **kwargs: Any) -> Response:
        """List what was ordered."""
        return Response({})


class HeaderForAll(AutoSchema):
    """A project's own schema class."""

    def get_tags(self) -> list[str]:
        return ["shop"]


def project(*urls: Any) -> Any:
    module: Any = ModuleType("urls")
    module.urlpatterns = list(urls)
    return module


@pytest.mark.parametrize("prefix", ["", "v7/payments/", "shop/<int:shop>/money/"])
def test_below_any_prefix_it_is_the_same(schema: Schema, prefix: str) -> None:
    made = generate(urlconf=project(path(prefix, include("django_dinero.api.urls"))))
    here, there = dict(operations(schema)), dict(operations(made))
    assert len(here) == len(there)
    ids = [each["operationId"] for each in there.values()]
    assert sorted(ids) == sorted(each["operationId"] for each in here.values())
    assert made["components"] == schema["components"]


def test_a_shops_own_names_are_its_own(settings: Any) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
    urls = (path("customers/", ShopView.as_view()), path("api/", include("django_dinero.api.urls")))
    made = generate(urlconf=project(*urls))
    assert set(made["components"]["schemas"]["Customer"]["properties"]) == {
        "kind",
        "state",
        "price",
    }
    assert "DineroCustomer" in made["components"]["schemas"]
    validate(made)


def test_a_projects_own_schema_class_describes_the_rest(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": f"{__name__}.HeaderForAll"}
    urls = (path("customers/", ShopView.as_view()), path("api/", include("django_dinero.api.urls")))
    made = generate(urlconf=project(*urls))
    assert made["paths"]["/customers/"]["get"]["tags"] == ["shop"]
    assert made["paths"]["/api/customers/"]["get"]["tags"] == ["Customers"]


def test_a_projects_own_kind_of_our_view_is_described_as_ours() -> None:
    router = SimpleRouter()
    router.register("buyers", OurCustomers, basename="buyer")
    made = generate(urlconf=project(path("shop/", include(router.urls))))
    assert made["paths"]["/shop/buyers/"]["post"]["operationId"] == "dinero_customers_create"
    own = made["paths"]["/shop/buyers/{id}/orders/"]["get"]
    assert (own["operationId"], own["description"]) == ("orders_retrieve", "List what was ordered.")
    validate(made)


def test_the_view_of_a_project_shows_it(settings: Any) -> None:
    api = path("api/", include("django_dinero.api.urls"))
    settings.ROOT_URLCONF = project(
        path("schema/", SpectacularAPIView.as_view(patterns=[api])), api
    )
    response = Client().get("/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert "/api/cards/{id}/charge/" in json.loads(response.content)["paths"]


@pytest.mark.parametrize(
    "settings_of_the_project",
    [
        {},
        {
            "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.URLPathVersioning",
            "DEFAULT_VERSION": "v1",
        },
    ],
)
def test_the_ready_view_shows_this_api_alone(
    settings: Any, schema: Schema, settings_of_the_project: Any
) -> None:
    settings.REST_FRAMEWORK = settings_of_the_project
    settings.ROOT_URLCONF = project(
        path("customers/", ShopView.as_view()),
        path("api/schema/", include("django_dinero.api.openapi.urls")),
        path("api/", include("django_dinero.api.urls")),
    )
    response = Client().get("/api/schema/")
    assert response.headers["Content-Type"] == "application/json"
    made = json.loads(response.content)
    assert made["openapi"] == "3.1.1"
    assert made["paths"] == schema["paths"]
    assert made["components"] == schema["components"]
    validate(made)
    yaml = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi"})
    assert yaml.content.startswith(b"openapi: 3.1.1\n")


def test_many_at_once_leave_the_projects_settings_alone(settings: Any) -> None:
    """While our view makes its schema, drf-spectacular has our settings in place of theirs."""
    settings.ROOT_URLCONF = project(
        path("api/schema/", include("django_dinero.api.openapi.urls")),
        path("api/", include("django_dinero.api.urls")),
    )
    before = {name: getattr(spectacular_settings, name) for name in SchemaView.custom_settings}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _each: Client().get("/api/schema/").content, range(8)))
    assert len(set(found)) == 1
    after = {name: getattr(spectacular_settings, name) for name in SchemaView.custom_settings}
    assert after == before
    assert before["OAS_VERSION"] == "3.0.3"


@pytest.fixture
def made(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Is given each schema that the ready view has made."""
    settings.ROOT_URLCONF = project(
        path("api/schema/", include("django_dinero.api.openapi.urls")),
        path("closed/", SchemaView.as_view(serve_public=False)),
        path("api/", include("django_dinero.api.urls")),
    )
    found: list[Any] = []

    class Counted(SchemaGenerator):
        def get_schema(self, *args: Any, **kwargs: Any) -> Any:
            found.append(self)
            return super().get_schema(*args, **kwargs)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(SchemaView, "generator_class", Counted)
    return found


def test_strangers_make_it_once(made: list[Any]) -> None:
    answers = [
        Client().get(f"/api/schema/{query}", headers={"Accept": accepted})
        for query in ("", "?version=1", "?version=2")
        for accepted in ("application/json", "application/json; indent=8", "*/*")
    ]
    assert {(each.status_code, each.content) for each in answers} == {(200, answers[0].content)}
    assert {each["Content-Type"] for each in answers} == {"application/json"}
    assert "Accept" in answers[-1]["Vary"]
    assert answers[-1]["Content-Disposition"] == answers[0]["Content-Disposition"]
    assert len(made) == 1


def test_each_language_and_form_is_made_once(made: list[Any]) -> None:
    for _again in range(2):
        german = Client().get("/api/schema/?lang=de").json()
        english = Client().get("/api/schema/?lang=en").json()
        assert german["info"]["title"] != english["info"]["title"]
        assert Client().get("/api/schema/?lang=no-such").json() == english
        assert Client().get("/api/schema/?lang=de-at").json() == german
        yaml = Client().get("/api/schema/?lang=de", headers={"Accept": "application/yaml"})
        assert yaml["Content-Type"].startswith("application/yaml")
        assert yaml.content.startswith(b"openapi: 3.1.1\n")
    assert len(made) == 3


def test_what_depends_on_its_caller_is_made_each_time(made: list[Any]) -> None:
    for number in (1, 2):
        assert Client().get("/closed/").status_code == 200
        assert len(made) == number


#: Run with drf-spectacular hidden: the routes are there, and the schema says what it needs.
WITHOUT = """
import sys
sys.modules["drf_spectacular"] = None
import django
django.setup()
from django_dinero.api.urls import urlpatterns
assert len(urlpatterns) > 20
try:
    import django_dinero.api.openapi.urls
except ImportError as error:
    print(error)
"""


@pytest.mark.slow
def test_without_drf_spectacular_there_is_an_api_and_no_schema() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert 'pip install "django-dinero[openapi]"' in done.stdout


# -- The tests of the other files stand on this ----------------------------------------------------


def answered(status: int, body: Any, **headers: str) -> Any:
    return SimpleNamespace(
        status_code=status,
        content=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **headers},
    )


REFUSED = {"code": "card_declined", "detail": "The card was declined."}


@pytest.mark.parametrize(
    ("method", "address", "sent", "response", "said"),
    [
        ("GET", "customers/", {}, answered(200, {"next": None}), "required"),
        ("GET", "customers/", {}, answered(418, {}), "a status"),
        ("GET", "customers/?colour=red", {}, answered(200, {}), "a parameter"),
        ("PUT", "customers/", {}, answered(200, {}), "a method"),
        ("POST", "customers/", {"email": "x"}, answered(402, {**REFUSED, "cvv": "N"}), "cvv"),
        (
            "POST",
            "customers/",
            {"email": "x"},
            answered(402, {**REFUSED, "code": "not_sent"}),
            "code",
        ),
        ("POST", "customers/", {"colour": 1}, answered(201, examples.CUSTOMER), "colour"),
        ("POST", "customers/", {"email": "x"}, answered(201, {**examples.CUSTOMER, "id": 7}), "id"),
        ("POST", "customers/", {}, answered(402, REFUSED, **{"Retry-After": "5"}), "a header"),
        ("DELETE", f"cards/{examples.CARD['id']}/", {}, answered(204, {}), "a body"),
    ],
)
def test_what_is_not_as_the_schema_says_is_found(
    method: str, address: str, sent: Any, response: Any, said: str
) -> None:
    with pytest.raises(AssertionError, match=said):
        contract_of_the_api.check(method, f"/api/{address}", {}, json.dumps(sent), response)
