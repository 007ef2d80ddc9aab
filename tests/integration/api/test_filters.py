"""Lists are narrowed by columns that they show, and by nothing else."""

from __future__ import annotations

import datetime
from datetime import UTC
from decimal import Context, localcontext
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_dinero.models import Transaction
from django_dinero.testing.factories import CreditCardFactory, CustomerFactory, TransactionFactory
from tests.integration.api.calling import Caller, json_of, user_with
from tests.support import sinks
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def reader(gateway: RecordingGateway) -> Caller:
    """Staff who may see everything."""
    names = ("view_customer", "view_creditcard", "view_transaction", "view_difference")
    return Caller(user_with("reader", *names, is_staff=True))


def found(caller: Caller, path: str, **asked: str) -> list[Any]:
    return list(json_of(caller.get(f"{path}/?{urlencode(asked)}"), 200)["results"])


@pytest.fixture
def pair(gateway: RecordingGateway) -> tuple[Transaction, Transaction]:
    """Two payments that differ in everything a list can be narrowed by."""
    card = CreditCardFactory()
    one = TransactionFactory(card=card, price="5.00", order_reference="A-1", settled=True)
    two = TransactionFactory(
        authorization=True, price="9.00", currency="EUR", order_reference="A-2", live=True
    )
    Transaction.objects.filter(pk=one.pk).update(created_at=NOON)
    Transaction.objects.filter(pk=two.pk).update(created_at=NOON + datetime.timedelta(days=1))
    one.refresh_from_db()
    return one, two


def test_the_largest_amount_is_one_whatever_the_threads_context_is(
    reader: Caller, pair: tuple[Transaction, Transaction]
) -> None:
    with localcontext(Context(prec=6)):
        assert found(reader, "transactions", price_from="999999999999.99") == []


@pytest.mark.parametrize(
    "asked",
    [
        {"status": "settled"},
        {"status": "settled,returned"},
        {"kind": "charge"},
        {"currency": "usd"},
        {"order_reference": "A-1"},
        {"live": "false"},
        {"created_before": "2026-05-05"},
        {"created_before": "2026-05-04T12:00:01Z"},
        {"created_before": "2026-05-04T14:00:01+02:00"},
        {"price_to": "5"},
        {"price_to": "5.00", "price_from": "5"},
        {"gateway_name": "default", "kind": "charge"},
    ],
    ids=str,
)
def test_a_filter_leaves_what_was_asked_for(
    reader: Caller, pair: tuple[Transaction, Transaction], asked: dict[str, str]
) -> None:
    one, _two = pair
    assert len(found(reader, "transactions")) == 2
    assert [row["id"] for row in found(reader, "transactions", **asked)] == [str(one.public_id)]


@pytest.mark.parametrize(
    "asked", [{"created_from": "2026-05-05"}, {"price_from": "5.01"}, {"live": "true"}], ids=str
)
def test_the_other_half(
    reader: Caller, pair: tuple[Transaction, Transaction], asked: dict[str, str]
) -> None:
    _one, two = pair
    assert [row["id"] for row in found(reader, "transactions", **asked)] == [str(two.public_id)]


def test_by_what_it_belongs_to(reader: Caller, pair: tuple[Transaction, Transaction]) -> None:
    one, _two = pair
    assert one.customer is not None and one.card is not None
    for name, value in (
        ("customer", one.customer.public_id),
        ("card", one.card.public_id),
        ("transaction_id", one.transaction_id),
    ):
        assert [row["id"] for row in found(reader, "transactions", **{name: str(value)})] == [
            str(one.public_id)
        ]


def test_customers_and_cards(reader: Caller) -> None:
    card = CreditCardFactory(customer=CustomerFactory(email="Ann@example.com"))
    CreditCardFactory()
    (customer,) = found(reader, "customers", email="ann@EXAMPLE.com")
    assert customer["id"] == str(card.customer.public_id)
    (shown,) = found(reader, "cards", customer=customer["id"])
    assert shown["id"] == str(card.public_id)


def test_an_email_is_looked_for_by_its_index(reader: Caller) -> None:
    CustomerFactory(email="ann@example.com")
    with CaptureQueriesContext(connection) as queries:
        assert len(found(reader, "customers", email="ANN@example.com")) == 1
    (sql,) = [each["sql"] for each in queries if "ann@example.com" in each["sql"]]
    assert " LIKE " not in sql.upper()
    assert "UPPER(" not in sql


def test_an_owner_filters_what_is_theirs_alone(
    owner: Caller, pair: tuple[Transaction, Transaction]
) -> None:
    one, _two = pair
    assert found(owner, "transactions", order_reference="A-1") == []
    Transaction.objects.update(owner=owner.user)
    assert [row["id"] for row in found(owner, "transactions", order_reference="A-1")] == [
        str(one.public_id)
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"status": "paid"},
        {"kind": ""},
        {"currency": "dollars"},
        {"live": "1"},
        {"customer": "4111111111111111"},
        {"created_from": "yesterday"},
        {"created_from": "2026-05-04T12:00:00"},
        {"created_before": "2026-02-30"},
        {"price_from": "NaN"},
        {"price_to": "1e99"},
        {"price_from": "1e-300000"},
        {"price_to": "\u0665"},
        {"order_reference": "x\0"},
        {"order_reference": "x" * 256},
        {"ordering": "price"},
        {"owner": "1"},
        {"customer__email": "x"},
    ],
    ids=str,
)
def test_what_means_nothing_is_named(reader: Caller, asked: dict[str, str]) -> None:
    response = reader.get(f"transactions/?{urlencode(asked)}")
    errors = json_of(response, 400)["errors"]
    assert set(errors) == set(asked)
    assert "4111111111111111" not in response.content.decode()


def test_a_filter_is_passed_once(reader: Caller) -> None:
    errors = json_of(reader.get("transactions/?live=true&live=false"), 400)["errors"]
    assert errors == {"live": ["Pass it once."]}


def test_a_detail_is_not_filtered(reader: Caller, pair: tuple[Transaction, Transaction]) -> None:
    one, _two = pair
    errors = json_of(reader.get(f"transactions/{one.public_id}/?status=voided"), 400)["errors"]
    assert errors == {"status": ["Unknown query parameter. This takes none."]}


def test_the_oldest_first_page_by_page(reader: Caller) -> None:
    rows = TransactionFactory.create_batch(5)
    path, ids = "transactions/?ordering=created_at&page_size=2", list[str]()
    while path:
        page = json_of(reader.get(path), 200)
        ids += [row["id"] for row in page["results"]]
        path = (page["next"] or "").partition("/api/")[2]
    assert ids == [str(row.public_id) for row in rows]


def test_no_database_is_asked_for_a_card_number(reader: Caller, gateway: RecordingGateway) -> None:
    """Whoever logs the statements would have it there."""
    with CaptureQueriesContext(connection) as queries:
        for path, name in (
            ("cards", "brand"),
            ("customers", "email"),
            ("transactions", "order_reference"),
            ("differences", "gateway_name"),
        ):
            refused = json_of(reader.get(f"{path}/?{name}=4111+1111+1111+1111"), 400)
            assert refused["errors"] == {name: ["No row has such a value."]}
        json_of(reader.get("differences/4111111111111111/"), 404)
    assert sinks.found(str(queries.captured_queries), ["4111111111111111"]) == []
    # An id of a gateway may look like one.
    json_of(reader.get("transactions/?transaction_id=4111111111111111"), 200)
