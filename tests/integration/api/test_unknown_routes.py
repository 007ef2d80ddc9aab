"""Addresses that the API does not have: JSON in the shape of all errors, for any method."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

from tests.integration.api.calling import Caller, json_of

UNKNOWN = ("nonsense/", "nonsense", "customers/17/", "cards/x/charge/", "a/b/c/", "%0A/")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def view(request: Any) -> HttpResponse:
    return HttpResponse("the project's own")


urlpatterns = [
    path("api/shop/", view),
    path("api/", include("django_dinero.api.urls")),
    path("other/", view),
]


@pytest.mark.parametrize("address", UNKNOWN)
@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_address_is_a_404_like_any_other(address: str, method: str) -> None:
    """No ``django_db`` mark: nobody is asked for."""
    response = Caller().send(method, address)
    assert response["Content-Type"] == "application/json"
    if method == "HEAD":
        assert response.status_code == 404
        return
    assert json_of(response, 404) == {"code": "not_found", "detail": "There is no such address."}


def test_a_form_is_not_read() -> None:
    response: Any = Client().post("/api/nonsense/", {"number": "4111111111111111"})
    assert json_of(response, 404)["code"] == "not_found"


def test_a_slash_that_is_missing_is_appended() -> None:
    response = Caller().get("customers?page_size=5")
    assert (response.status_code, response["Location"]) == (301, "/api/customers/?page_size=5")
    address = f"cards/{uuid.uuid4()}"
    assert Caller().send("HEAD", address)["Location"] == f"/api/{address}/"


def test_a_post_without_its_slash_is_told_so_and_not_redirected(settings: Any) -> None:
    for settings.DEBUG in (False, True):
        detail = json_of(Caller().post("customers", {"email": "bill@example.com"}), 404)["detail"]
        assert detail == "Addresses of this API end with a slash."


def test_nothing_is_appended_where_the_project_wants_none(settings: Any) -> None:
    settings.APPEND_SLASH = False
    assert json_of(Caller().get("customers"), 404)["detail"] == "There is no such address."


def test_a_projects_own_routes_are_reached(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client()
    for address in ("/api/shop/", "/other/"):
        assert client.get(address).content == b"the project's own"
    assert client.get("/other/nonsense/")["Content-Type"].startswith("text/html")
    assert client.get("/api/shop")["Location"] == "/api/shop/"
    unknown: Any = client.get("/api/shop/nonsense/")
    assert json_of(unknown, 404)["code"] == "not_found"
