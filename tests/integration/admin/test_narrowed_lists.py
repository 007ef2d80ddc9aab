"""What lists are narrowed by, and what the rows that are left come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin import site
from django.test import Client, RequestFactory
from django.utils import timezone, translation

from django_dinero.admin import pagination
from django_dinero.admin.ranges import AmountsForm
from django_dinero.models import CreditCard, Operation, Transaction
from django_dinero.models.family import Family
from django_dinero.models.standing import standing_of
from django_dinero.testing.factories import (
    CreditCardFactory,
    OperationFactory,
    TransactionFactory,
)
from tests.integration.admin.pages import text, url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def with_a_gateway(gateway: RecordingGateway) -> None:
    """Rows are of it."""


def shown(client: Client, name: str, **query: str) -> list[Any]:
    """The keys of the rows that a list shows."""
    response = client.get(url(f"{name}_changelist"), query)
    return [row.pk for row in response.context["cl"].result_list]


def aged(days: int, **given: Any) -> Transaction:
    row: Transaction = TransactionFactory(**given)
    moment = datetime.now(UTC) - timedelta(days=days)
    Transaction.objects.filter(pk=row.pk).update(created_at=moment, updated_at=moment)
    return row


# -- What is to be done ----------------------------------------------------------------------------


def test_authorizations_to_capture(root: Client) -> None:
    new = aged(0, kind="authorization")
    old = aged(6, kind="authorization")
    aged(31, kind="authorization")  # no gateway has it any more
    aged(0, kind="authorization", status="voided")
    aged(0, kind="charge")
    captured = aged(1, kind="authorization")
    TransactionFactory(kind="capture", parent=captured, price="1.00")
    for lost in ("charged_back", "returned"):
        row = aged(1, kind="authorization")
        TransactionFactory(kind="capture", parent=row, price="1.00", status=lost)
    refused = aged(1, kind="authorization")
    TransactionFactory(kind="capture", parent=refused, status="declined")
    assert shown(root, "transaction", todo="capture") == [new.pk, refused.pk, old.pk]
    assert shown(root, "transaction", todo="soon") == [old.pk]


def test_payments_that_need_somebody(root: Client) -> None:
    held = aged(90, status="held")
    disputed = aged(3, status="charged_back")
    aged(90, status="charged_back")
    aged(0, status="declined")
    assert shown(root, "transaction", todo="somebody") == [disputed.pk, held.pk]


def test_operations_whose_quarantine_is_over(root: Client) -> None:
    now = datetime.now(UTC)
    row = OperationFactory(state="unknown", quarantine_until=now - timedelta(minutes=1))
    OperationFactory(state="unknown", quarantine_until=now + timedelta(minutes=1))
    OperationFactory(quarantine_until=now - timedelta(minutes=1))
    assert shown(root, "operation", todo="overdue") == [row.pk]


def test_operations_whose_worker_died(root: Client) -> None:
    now = datetime.now(UTC)
    row = OperationFactory(state="sent", lease_until=now - timedelta(minutes=1))
    OperationFactory(state="sent", lease_until=now + timedelta(minutes=1))
    OperationFactory(lease_until=now - timedelta(minutes=1))
    assert shown(root, "operation", todo="overdue") == [row.pk]


def test_cards_that_expire_soon(root: Client) -> None:
    soon = timezone.localdate(datetime.now(UTC)) + timedelta(days=20)
    row = CreditCardFactory(month=soon.month, year=soon.year)
    CreditCardFactory(month=12, year=2090)
    assert CreditCard.objects.count() == 2
    assert shown(root, "creditcard", todo="expiring") == [row.pk]


def test_an_unknown_piece_of_work_narrows_nothing(root: Client) -> None:
    row = TransactionFactory()
    assert shown(root, "transaction", todo="nonsense") == [row.pk]


# -- Ranges ----------------------------------------------------------------------------------------


def day(days_ago: int) -> str:
    return (timezone.localdate(datetime.now(UTC)) - timedelta(days=days_ago)).isoformat()


def test_days_are_included_on_both_ends(root: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    rows = {}
    for hour, name in ((11, "before"), (12, "first"), (35, "last"), (36, "after")):
        row = rows[name] = TransactionFactory()
        # Midnight of the 2nd of June in Auckland is noon of the 1st in UTC.
        moment = datetime(2026, 6, 1, 0, 59, tzinfo=UTC) + timedelta(hours=hour)
        Transaction.objects.filter(pk=row.pk).update(created_at=moment)
    chosen = {"created_from": "2026-06-02", "created_to": "2026-06-02"}
    assert shown(root, "transaction", **chosen) == [rows["last"].pk, rows["first"].pk]
    assert shown(root, "transaction", created_from="2026-06-03") == [rows["after"].pk]
    assert shown(root, "transaction", created_to="2026-06-01") == [rows["before"].pk]


def test_a_click_chooses_the_last_days(root: Client) -> None:
    row = aged(3)
    aged(9)
    page = root.get(url("transaction_changelist"), {"created_from": day(6)})
    assert [each.pk for each in page.context["cl"].result_list] == [row.pk]
    assert f'<li class="selected"><a href="?created_from={day(6)}">' in page.content.decode()


def test_amounts_of_a_currency(root: Client) -> None:
    TransactionFactory(price="9.99")
    row = TransactionFactory(price="10.00")
    TransactionFactory(price="20.01")
    yen = TransactionFactory(price="15", currency="JPY")
    chosen = {"price_from": "10", "price_to": "20"}
    assert shown(root, "transaction", **chosen) == [yen.pk, row.pk]
    assert shown(root, "transaction", **chosen, currency="USD") == [row.pk]


def test_amounts_are_read_as_they_are_typed_in_forms(root: Client) -> None:
    TransactionFactory(price="9.99")
    row = TransactionFactory(price="1234.50")
    with translation.override("de"):
        for typed in ("12,50", "1.234,50", "1234.50"):
            assert shown(root, "transaction", price_from=typed) == [row.pk]
        page = root.get(url("transaction_changelist"), {"price_from": "1.234"})
        assert list(page.context["cl"].result_list) == []
        assert "1234,00" in text(page)
        # A currency with three decimals leaves no doubt.
        form = AmountsForm({"price_from": "1,234", "currency": "BHD"})
        assert form.is_valid()
    assert form.cleaned_data["price_from"] == Decimal("1.234")


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"price_from": "ten"}, "Enter a number."),
        ({"price_to": "-1"}, "greater than or equal to 0"),
        ({"created_from": "31.12.2026"}, "Enter a valid date."),
        ({"created_from": "1899-12-31"}, "greater than or equal to 1900-01-01"),
        ({"created_to": "2201-01-01"}, "less than or equal to 2200-12-31"),
        ({"currency": "dollars"}, "Three capitals, as in USD."),
    ],
)
def test_what_cannot_be_read_says_so_and_shows_nothing(
    root: Client, chosen: dict[str, str], words: str
) -> None:
    TransactionFactory()
    page = root.get(url("transaction_changelist"), chosen)
    assert list(page.context["cl"].result_list) == []
    assert words in text(page)


LISTS = ("transaction", "customer", "creditcard", "operation", "webhookevent", "difference")
ENDS = ("9999-12-31", "0001-01-01")


@pytest.mark.parametrize("day", [*ENDS, "1900-01-01", "2200-12-31"])
@pytest.mark.parametrize("name", ["created_from", "created_to"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_no_day_is_beyond_the_calendar(
    root: Client, settings: Any, zone: str, name: str, day: str
) -> None:
    settings.TIME_ZONE = zone
    for model in LISTS[:-1]:
        page = root.get(url(f"{model}_changelist"), {name: day})
        assert ("or equal to" in text(page)) is (day in ENDS)
        exported = root.get(url(f"{model}_export"), {name: day})
        assert exported.status_code == 200
        exported.getvalue()


@pytest.mark.parametrize("model", LISTS)
def test_what_no_database_can_look_for_is_no_filter(
    root: Client, model: str, subtests: pytest.Subtests
) -> None:
    for name in (
        *("status__exact", "kind__exact", "state__exact", "sync_state__exact", "gateway_name"),
        *("brand", "live", "todo", "currency", "price_from", "created_from", "q"),
        *("customer_id", "transaction_id__exact", "id__in", "\0"),
    ):
        with subtests.test(ascii(name)):
            for page, value in (("changelist", "\0"), ("changelist", "a\0b"), ("export", "a\0b")):
                response = root.get(url(f"{model}_{page}"), {name: value})
                # Or it leads to the list without it.
                assert response.status_code in (200, 302)
                if response.streaming:
                    response.getvalue()


@pytest.mark.parametrize("model", [Transaction, Operation, CreditCard])
def test_a_list_beside_a_field_finds_none_either(rf: RequestFactory, model: type[Any]) -> None:
    own = site.get_model_admin(model)
    rows, _twice = own.get_search_results(rf.get("/"), model.objects.all(), "a\0b")
    assert list(rows) == []


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("transaction", "status__exact"),
        ("transaction", "kind__exact"),
        ("operation", "state__exact"),
        ("webhookevent", "state__exact"),
    ],
)
def test_a_filter_takes_its_choices_alone(root: Client, model: str, name: str) -> None:
    address = url(f"{model}_changelist")
    for value in ("x", "\0"):
        assert root.get(address, {name: value})["Location"] == f"{address}?e=1"
        assert root.get(url(f"{model}_export"), {name: value})["Location"] == address


def test_a_range_keeps_what_else_was_chosen(root: Client) -> None:
    page = root.get(url("transaction_changelist"), {"kind__exact": "charge", "q": '"A-1'})
    content = page.content.decode()
    # In both ranges; the kind in the search form too.
    assert content.count('<input type="hidden" name="kind__exact" value="charge">') == 3
    assert content.count('<input type="hidden" name="q" value="&quot;A-1">') == 2


def test_other_lists_have_days_too(root: Client) -> None:
    operation = OperationFactory()
    Operation.objects.filter(pk=operation.pk).update(created_at=datetime(2026, 6, 1, tzinfo=UTC))
    newer = OperationFactory()
    assert shown(root, "operation", created_from="2026-06-03") == [newer.pk]


# -- Sums ------------------------------------------------------------------------------------------


def sums(client: Client, **query: str) -> str:
    content = client.get(url("transaction_changelist"), query).content.decode()
    begin = content.find("dinero-sums")
    if begin < 0:
        return ""
    bare = content[begin : content.index("</dl>", begin)]

    class Page:
        content = bare.partition(">")[2].encode()

    return text(Page())


def test_what_was_filtered_is_added_up_by_currency(root: Client) -> None:
    live = {"order_reference": "A-1", "live": True}
    paid = TransactionFactory(price="1200", status="settled", **live)
    TransactionFactory(parent=paid, kind="refund", price="200.50", **live)
    TransactionFactory(price="77", status="declined", **live)
    TransactionFactory(price="300", currency="JPY", **live)
    TransactionFactory(price="5", order_reference="A-1", live=False)
    TransactionFactory(price="4000")
    minus = "\N{MINUS SIGN}"
    assert sums(root, q="A-1") == (
        f"JPY taken 300 USD taken 1,200.00 refunded {minus}200.50 net 999.50 USD test taken 5.00"
    )


def test_what_took_nothing_has_its_amounts(root: Client) -> None:
    TransactionFactory(price="77", status="declined", live=True)
    assert sums(root, status__exact="declined") == "USD amounts 77.00"


def test_the_whole_list_is_not_added_up(root: Client) -> None:
    TransactionFactory()
    assert sums(root) == ""


def test_more_than_is_counted_is_not_added_up(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagination, "COUNTED", 2)
    for _number in range(3):
        TransactionFactory()
    page = root.get(url("transaction_changelist"), {"kind__exact": "charge"})
    assert "These are too many to be added up" in text(page)
    assert "taken" not in text(page)


# -- The words of the list -------------------------------------------------------------------------


def test_what_was_refunded_is_found(root: Client) -> None:
    def refund(row: Transaction, price: str = "1.00", status: str = "approved") -> None:
        TransactionFactory(kind="refund", parent=row, price=price, status=status)

    whole, part = TransactionFactory(status="settled"), TransactionFactory(price="5")
    refund(whole, price=str(whole.price))
    refund(part)
    reserved = TransactionFactory(kind="authorization")
    capture = TransactionFactory(kind="capture", parent=reserved, status="settled")
    refund(capture)
    refund(TransactionFactory(), status="declined")
    refund(TransactionFactory(status="charged_back"))
    TransactionFactory(kind="capture", parent=TransactionFactory(kind="authorization"))
    page = root.get(url("transaction_changelist"), {"refunded": "yes"})
    found = set(page.context["cl"].queryset)
    assert found == {whole, part, reserved, capture}
    words = {str(standing_of(Family.of(row)).label) for row in found}
    assert words == {"refunded", "partly refunded"}


def test_the_statuses_name_the_words_of_the_list(root: Client) -> None:
    page = text(root.get(url("transaction_changelist")))
    assert "approved: authorized, captured, or refunded since" in page
    assert "settled, or refunded since" in page
