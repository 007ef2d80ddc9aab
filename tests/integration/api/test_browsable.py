"""Pages for browsers: off by default, and with nothing in them of what was sent."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.models import CreditCard, Customer, Transaction
from tests.integration.api.calling import Caller, new_key, user_with
from tests.integration.api.planted import CVV, MALFORMED, NUMBER, TOKEN, leaks

pytestmark = pytest.mark.django_db

#: What browsers ask for.
ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PLANTED = {"number": NUMBER, "cvv": CVV, "month": "12", "year": "2060"}


@pytest.fixture
def root(gateway: Any) -> Caller:
    """Somebody whom no permission stops."""
    user = user_with("root", is_staff=True, is_superuser=True)
    return Caller(user, raise_request_exception=False)


@pytest.fixture
def browsable(settings: Any, customer: Customer) -> None:
    settings.DINERO = {**settings.DINERO, "API_BROWSABLE": True}


def open_page(caller: Caller, method: str, path: str, body: Any = None, **kwargs: Any) -> Any:
    """Send a request as a browser does, and the form of a page with it."""
    return caller.client.generic(
        method,
        f"/api/{path}",
        body if isinstance(body, str) else json.dumps(body or {}),
        content_type=kwargs.get("content_type", "application/json"),
        headers={"Accept": ACCEPT, "Idempotency-Key": new_key()},
        secure=True,
    )


def test_they_are_off_by_default(root: Caller) -> None:
    response = open_page(root, "GET", "customers/")
    assert response["Content-Type"] == "application/json"
    refused = root.client.get("/api/customers/", headers={"Accept": "text/html"}, secure=True)
    assert refused.status_code == 406


@pytest.mark.parametrize("path", ["", "customers/", "cards/", "gateways/", "transactions/"])
def test_a_page_shows_what_the_api_answers(browsable: None, root: Caller, path: str) -> None:
    response = open_page(root, "GET", path)
    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "private" in response["Cache-Control"]
    plain = root.get(path)
    assert plain["Content-Type"] == "application/json"


def test_details_and_errors_have_pages_too(browsable: None, root: Caller, card: CreditCard) -> None:
    held = f"customers/{card.customer.public_id}/"
    for path in (held, f"cards/{card.public_id}/"):
        assert open_page(root, "GET", path).status_code == 200
    for path in (f"{held}charge/", "charges/"):
        page = open_page(root, "GET", path)
        assert page.status_code == 405
        assert "&quot;method_not_allowed&quot;" in page.content.decode()
    unknown = open_page(root, "GET", "nowhere/")
    assert (unknown.status_code, unknown["Content-Type"]) == (404, "application/json")
    page = open_page(Caller(), "GET", "customers/")
    assert page.status_code == 403
    assert "not_authenticated" in page.content.decode()


def test_a_page_costs_no_more_queries_than_json(browsable: None, root: Caller) -> None:
    with CaptureQueriesContext(connection) as plain:
        root.get("customers/")
    with CaptureQueriesContext(connection) as page:
        open_page(root, "GET", "customers/")
    assert len(page) == len(plain)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"number": MALFORMED},
        {"cvv": f"{CVV}{CVV}"},
        {"month": "13"},
        {"token": TOKEN},
        {"unknown": NUMBER},
        {"email": NUMBER},
    ],
)
@pytest.mark.parametrize("path", ["customers/", "charges/", "{customer}cards/", "{card}charge/"])
def test_a_page_after_a_post_shows_nothing_of_it(
    browsable: None, root: Caller, card: CreditCard, path: str, changed: dict[str, str]
) -> None:
    held, own = f"customers/{card.customer.public_id}/", f"cards/{card.public_id}/"
    body = {**PLANTED, "email": "x@example.com", "price": "1.00", **changed}
    page = open_page(root, "POST", path.format(customer=held, card=own), body)
    assert page["Content-Type"].startswith("text/html")
    text = page.content.decode()
    assert leaks(text) == []
    assert re.findall(r"<textarea[^>]*>\s*(\S[^<]*)</textarea>", text) == []


def test_the_way_back_leads_to_pages(browsable: None, root: Caller, customer: Customer) -> None:
    text = open_page(root, "GET", f"customers/{customer.public_id}/").content.decode()
    [trail] = re.findall(r'<ul class="breadcrumb">(.*?)</ul>', text, re.DOTALL)
    addresses = [f"/api/{path}" for path in ("", "customers/", f"customers/{customer.public_id}/")]
    assert re.findall(r'href="([^"]*)"', trail) == addresses


def test_no_form_of_fields_is_drawn(browsable: None, root: Caller, card: CreditCard) -> None:
    for path in ("customers/", f"customers/{card.customer.public_id}/", f"cards/{card.public_id}/"):
        text = open_page(root, "GET", path).content.decode()
        assert re.findall(r'name="(?:number|cvv|token|email|zip)"', text) == []
        assert 'name="_content"' in text


def test_a_form_that_is_no_json_is_refused_unread(browsable: None, root: Caller) -> None:
    form = "application/x-www-form-urlencoded"
    body = f"number={NUMBER}&cvv={CVV}&_content={NUMBER}"
    page = open_page(root, "POST", "customers/", body, content_type=form)
    assert page.status_code == 415
    assert leaks(page.content.decode()) == []


def test_what_stands_in_the_address_is_not_shown(browsable: None, root: Caller) -> None:
    for path in ("customers/", "gateways/", "transactions/"):
        page = open_page(root, "GET", f"{path}?number={NUMBER}&cvv={CVV}&token={TOKEN}")
        assert page.status_code == 400
        assert leaks(page.content.decode()) == []
    page = open_page(root, "GET", f"customers/?email={NUMBER}")
    assert page.status_code == 400
    assert leaks(page.content.decode()) == []


def test_a_server_error_shows_nothing_either(
    browsable: None, root: Caller, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("broken")

    settings.DEBUG = True
    monkeypatch.setattr(Transaction, "create", fail)
    page = open_page(root, "POST", "charges/", {**PLANTED, "price": "1.00"})
    assert page.status_code == 500
    assert leaks(page.content.decode()) == []
