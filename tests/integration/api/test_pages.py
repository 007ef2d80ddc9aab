"""Lists: pages in a stable order, a constant number of queries, no parameter ignored."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.filters import BaseFilterBackend
from rest_framework.generics import GenericAPIView

from django_dinero.models import Customer
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    TransactionFactory,
)
from tests.integration.api.calling import Caller, json_of, user_with
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

LISTS = ("customers/", "cards/", "transactions/")


@pytest.fixture
def reader(gateway: RecordingGateway) -> Caller:
    """Staff who may see everything."""
    names = ("view_customer", "view_creditcard", "view_transaction")
    return Caller(user_with("reader", *names, is_staff=True))


def fill(count: int, **given: Any) -> None:
    """Customers with two cards each, a charge of each card and a refund of each charge."""
    for customer in CustomerFactory.create_batch(count, **given):
        for card in CreditCardFactory.create_batch(2, customer=customer):
            charge = TransactionFactory(card=card, settled=True)
            TransactionFactory(card=card, kind="refund", parent=charge)


def queries(caller: Caller, path: str) -> int:
    """How many queries a request makes."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        json_of(caller.get(path), 200)
    return len(captured)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_the_same_whatever_its_length(reader: Caller, path: str) -> None:
    fill(1)
    before = queries(reader, path)
    fill(5)
    assert queries(reader, path) == before <= 8


@pytest.mark.parametrize("path", LISTS)
def test_an_owners_list_costs_the_same_whatever_its_length(
    gateway: RecordingGateway, path: str
) -> None:
    owner = Caller(user_with("owner"))
    fill(1, owner=owner.user)
    before = queries(owner, path)
    fill(5, owner=owner.user)
    assert queries(owner, path) == before <= 6


@pytest.mark.parametrize("path", LISTS)
def test_pages_hold_every_row_once_newest_first(reader: Caller, path: str) -> None:
    fill(3)
    everything = json_of(reader.get(f"{path}?page_size=200"), 200)
    assert (everything["next"], everything["previous"]) == (None, None)
    ids = [row["id"] for row in everything["results"]]
    assert len(set(ids)) == len(ids) >= 3
    created = [row["created_at"] for row in everything["results"]]
    assert created == sorted(created, reverse=True)
    seen: list[str] = []
    address = f"{path}?page_size=2"
    while address:
        page = json_of(reader.get(address), 200)
        assert len(page["results"]) <= 2
        seen += [row["id"] for row in page["results"]]
        address = (page["next"] or "").partition("/api/")[2]
    assert seen == ids


@pytest.mark.slow
@pytest.mark.parametrize("path", LISTS)
def test_fifty_rows_make_a_page(reader: Caller, path: str) -> None:
    fill(51 if path == "customers/" else 26)
    assert len(json_of(reader.get(path), 200)["results"]) == 50


@pytest.mark.parametrize("size", ["0", "201", "-1", "x", "", "٤", "4111111111111111"])
def test_a_page_of_another_size_is_refused(reader: Caller, size: str) -> None:
    response = reader.get(f"customers/?page_size={size}")
    assert set(json_of(response, 400)["errors"]) == {"page_size"}
    assert "4111" not in response.content.decode()


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("name", ["owner", "ordering", "search", "customer__owner__password"])
def test_a_filter_that_there_is_not_is_refused(reader: Caller, path: str, name: str) -> None:
    shown = json_of(reader.get(f"{path}?{name}=1&page_size=2"), 400)
    assert set(shown["errors"]) == {name}


def test_a_number_in_the_address_is_not_repeated(reader: Caller) -> None:
    response = reader.get("customers/?4111111111111111=1")
    assert "4111" not in response.content.decode()
    json_of(response, 400)


def test_the_projects_own_filters_are_not_asked(
    reader: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hides(BaseFilterBackend):
        def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
            return queryset.none()

    monkeypatch.setattr(GenericAPIView, "filter_backends", [Hides])
    fill(1)
    for path in LISTS:
        assert json_of(reader.get(path), 200)["results"] != []


@pytest.mark.parametrize(
    "inside",
    [
        *("p=nonsense", "p=%00", "p=2026-02-31+10:00:00%2B00:00", "p=2026-02-01+10:00:00"),
        *("p=9999-12-31+23:59:59-12:00", "p=0001-01-01+00:00:00%2B12:00", "o=-1", "o=x"),
    ],
)
@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_that_somebody_made_is_404(reader: Caller, path: str, inside: str) -> None:
    cursor = base64.b64encode(inside.encode()).decode()
    assert json_of(reader.get(f"{path}?cursor={cursor}"), 404)["code"] == "not_found"


def test_a_broken_cursor_is_404(reader: Caller) -> None:
    assert json_of(reader.get("customers/?cursor=nonsense"), 404)["code"] == "not_found"
    json_of(reader.get("customers/?format=json"), 200)


@pytest.mark.parametrize("path", ["customers/", "gateways/", f"customers/{uuid.UUID(int=7)}/"])
def test_a_form_of_answers_that_there_is_not_is_a_wrong_parameter(
    reader: Caller, path: str
) -> None:
    for name in ("api", "xml"):
        errors = json_of(reader.get(f"{path}?format={name}"), 400)["errors"]
        assert errors == {"format": ["Choose from: json."]}


def test_what_is_no_list_takes_no_parameters(
    owner: Caller, customer: Customer, gateway: RecordingGateway
) -> None:
    path, mark = f"customers/{customer.public_id}/", gateway.mark
    text = "Unknown query parameter. This takes none."
    for reply in (
        owner.get("?expand=cards"),
        owner.get("gateways/?expand=cards"),
        owner.get(f"{path}?expand=cards"),
        owner.post(f"{path}charge/?expand=cards", {"price": "1.00"}),
        owner.delete(f"{path}?expand=cards"),
    ):
        assert json_of(reply, 400)["errors"] == {"expand": [text]}
    assert gateway.since(mark) == []
