"""The overview: what needs somebody, what was taken, what was declined; who sees it, and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Context, localcontext
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_dinero.admin.views import attention
from django_dinero.admin.views.overview import _percent
from django_dinero.admin.views.reasons import LABELS
from django_dinero.enums import ReasonKind
from django_dinero.models import Reconciliation, Transaction
from django_dinero.services.reconcile.run import reconcile
from django_dinero.testing.factories import (
    CreditCardFactory,
    CustomerFactory,
    OperationFactory,
    TransactionFactory,
)
from tests.integration.admin.pages import text, url
from tests.support import busy_month
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

MINUS = "\N{MINUS SIGN}"


@pytest.fixture(autouse=True)
def with_a_gateway(gateway: RecordingGateway) -> None:
    """Rows are of it: a test account."""


def matters(client: Client, **query: str) -> dict[str, tuple[str, str]]:
    """What needs somebody: for each label the number and where it leads."""
    page = client.get(url("overview"), query)
    assert page.status_code == 200
    return {str(each["label"]): (each["count"], each["url"]) for each in page.context["matters"]}


def yesterday(**given: Any) -> Transaction:
    row: Transaction = TransactionFactory(**given)
    moment = datetime.now(UTC) - timedelta(days=1)
    Transaction.objects.filter(pk=row.pk).update(created_at=moment)
    return row


# -- What needs somebody ---------------------------------------------------------------------------


def test_each_number_is_that_of_the_list_that_it_leads_to(root: Client) -> None:
    now = datetime.now(UTC)
    OperationFactory(state="needs_attention")
    OperationFactory(state="unknown", quarantine_until=now - timedelta(hours=1))
    OperationFactory(state="unknown", quarantine_until=now + timedelta(hours=1))
    TransactionFactory(status="held")
    TransactionFactory(status="charged_back")
    TransactionFactory(status="held", live=True)
    old = TransactionFactory(kind="authorization")
    Transaction.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=8))
    CustomerFactory(sync_state="error")
    last_month = now.date().replace(day=1) - timedelta(days=1)
    CreditCardFactory(month=last_month.month, year=last_month.year)
    CreditCardFactory(month=1, year=2020)  # nobody's news any more
    found = matters(root)
    assert {label: count for label, (count, _url) in found.items() if count != "0"} == {
        "Operations that need attention": "1",
        "Operations whose outcome should be known by now": "1",
        "Payments held for review": "1",
        "Payments returned or charged back, last 30 days": "1",
        "Authorizations to capture before they expire": "1",
        "Customers that could not be pushed": "1",
        "Cards that have expired or will soon": "1",
    }
    for label, (count, address) in found.items():
        assert root.get(address).context["cl"].result_count == int(count), label


def test_nothing_waits(root: Client) -> None:
    page = root.get(url("overview"))
    assert "Nothing waits for anybody." in text(page)
    assert "Nothing was taken in this time." in text(page)
    assert "Nobody tried to pay in this time." in text(page)


def test_what_is_looked_up_by_itself_is_told_beside_it(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for amount in ("12.50", "3.00"):
        OperationFactory(state="unknown", amount=amount, currency="USD", live=False)
    page = root.get(url("overview"))
    assert "2 operations of unknown outcome (15.50 USD): they are looked up by themselves." in text(
        page
    )
    address = page.context["unknown"]["url"]
    assert root.get(address).context["cl"].result_count == 2
    assert "unknown outcome" not in text(root.get(url("overview"), {"mode": "live"}))
    monkeypatch.setattr(attention, "COUNTED", 1)
    assert "over 1 operations of unknown outcome:" in text(root.get(url("overview")))


def test_who_may_not_see_operations_is_not_told_of_them(staff: Callable[..., Client]) -> None:
    OperationFactory(state="unknown", amount="12.50", currency="USD", live=False)
    page = text(staff("view_transaction").get(url("overview")))
    assert "unknown outcome" not in page


def test_more_than_anybody_counts(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "COUNTED", 2)
    for _number in range(3):
        TransactionFactory(status="held")
    assert matters(root)["Payments held for review"][0] == "over 2"


def test_live_and_test_are_never_mixed(root: Client) -> None:
    TransactionFactory(price="20", live=True, status="settled")
    TransactionFactory(price="30", live=False, status="settled")
    for mode, taken in (("live", "20.00"), ("test", "30.00"), ("", "30.00")):
        (volume,) = root.get(url("overview"), {"mode": mode}).context["volumes"]
        assert volume["taken"] == taken


# -- What was taken --------------------------------------------------------------------------------


def test_the_volume_of_each_currency_by_day(root: Client) -> None:
    paid = yesterday(price="1200", status="settled")
    TransactionFactory(price="300", status="approved")
    TransactionFactory(parent=paid, kind="refund", price="200")
    authorized = TransactionFactory(kind="authorization", price="77")
    TransactionFactory(parent=authorized, kind="capture", price="70")
    TransactionFactory(price="1000", status="declined")
    TransactionFactory(price="5000", currency="JPY")
    page = root.get(url("overview"), {"days": "7"})
    usd, yen = page.context["volumes"]
    assert (usd["taken"], usd["refunded"], usd["net"]) == ("1,570.00", f"{MINUS}200.00", "1,370.00")
    assert (usd["count"], yen["net"], yen["count"]) == (3, "5,000", 1)
    assert [row["taken"] for row in usd["rows"]][-2:] == ["1,200.00", "370.00"]
    assert len(usd["rows"]) == 7
    assert f"370.00 {MINUS}200.00" in text(page)  # in the table, for who sees no picture


def test_refunds_of_what_came_back_are_no_loss_of_their_own(root: Client) -> None:
    TransactionFactory(parent=TransactionFactory(price="50"), kind="refund", price="5")
    TransactionFactory(parent=TransactionFactory(status="returned"), kind="refund", price="40")
    (volume,) = root.get(url("overview")).context["volumes"]
    assert (volume["taken"], volume["refunded"], volume["net"]) == (
        "50.00",
        f"{MINUS}5.00",
        "45.00",
    )


def test_sums_are_exact_whatever_the_threads_context_is(root: Client) -> None:
    for paid in (yesterday(price="1234567.89"), TransactionFactory(price="1234567.89")):
        TransactionFactory(parent=paid, kind="refund", price="1111111.11")
    with localcontext(Context(prec=6)):
        (volume,) = root.get(url("overview")).context["volumes"]
    shown = (volume["taken"], volume["refunded"], volume["net"])
    assert shown == ("2,469,135.78", f"{MINUS}2,222,222.22", "246,913.56")
    assert volume["rows"][-1]["refunded"] == f"{MINUS}2,222,222.22"


def test_a_days_bar_is_as_high_as_what_was_taken(root: Client) -> None:
    yesterday(price="100")
    TransactionFactory(price="50")
    (volume,) = root.get(url("overview"), {"days": "7"}).context["volumes"]
    bars = [row["bar"] for row in volume["rows"]]
    assert [bar.up for bar in bars] == ["0.00"] * 5 + ["120.00", "60.00"]
    assert {bar.down for bar in bars} == {"0.00"}
    assert (bars[-2].top, bars[-1].top) == ("0.00", "60.00")


def test_a_strange_period_is_the_usual_one(root: Client) -> None:
    for asked, days in (("30", 30), ("90", 90), ("8", 7), ("", 7), ("nonsense", 7)):
        assert root.get(url("overview"), {"days": asked}).context["days"] == days


# -- What was declined -----------------------------------------------------------------------------


def test_reasons_of_what_was_declined(root: Client) -> None:
    for status in ("approved", "settled", "voided", "charged_back", "held"):
        TransactionFactory(status=status)
    for reason in ("card_declined", "card_declined", "cvv_mismatch", ""):
        TransactionFactory(status="declined", reason=reason)
    TransactionFactory(kind="authorization", status="failed", reason="a_new_one")
    paid = TransactionFactory()
    TransactionFactory(parent=paid, kind="refund", status="declined")
    found = root.get(url("overview")).context["outcomes"]
    assert (found["count"], found["approved"], found["declined"]) == (10, 5, 5)
    assert found["rate"] == "50 %"
    assert [(each["label"], each["count"], each["share"]) for each in found["reasons"]] == [
        ("Declined by the card's bank", 2, "40 %"),
        ("No reason given", 1, "20 %"),
        ("a_new_one", 1, "20 %"),
        ("Wrong card code (CVV)", 1, "20 %"),
    ]


def test_all_of_them_are_only_all_of_them(root: Client) -> None:
    for _number in range(3):
        TransactionFactory()
    assert root.get(url("overview")).context["outcomes"]["rate"] == "100 %"
    TransactionFactory(status="declined")
    TransactionFactory()
    TransactionFactory()
    assert root.get(url("overview")).context["outcomes"]["rate"] == "83.3 %"


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (7, 9, "77.8 %"),
        (22, 24, "91.7 %"),
        (1, 2, "50 %"),
        (9999, 10_000, "99.9 %"),
        (0, 3, "0 %"),
        (0, 0, ""),
    ],
)
def test_a_share_is_rounded_and_never_up_to_all(part: int, whole: int, shown: str) -> None:
    assert _percent(part, whole) == shown


def test_every_reason_of_a_payment_has_words() -> None:
    of_the_vault = {
        ReasonKind.DUPLICATE_CUSTOMER,
        ReasonKind.DUPLICATE_CARD,
        ReasonKind.CARD_LIMIT,
    }
    assert set(LABELS) == set(ReasonKind) - of_the_vault


# -- Gateways --------------------------------------------------------------------------------------


def test_when_a_gateway_was_reconciled_last(root: Client) -> None:
    assert "Never reconciled." in text(root.get(url("overview")))
    reconcile("default")
    page = root.get(url("overview"))
    assert "Last run: finished" in text(page)
    assert url("reconciliation_change", Reconciliation.objects.get().pk) in page.content.decode()


def test_a_broken_configuration_is_told(root: Client, settings: Any) -> None:
    entry = {"BACKEND": "no.such.Gateway"}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
    assert "It is configured wrongly; run manage.py check." in text(root.get(url("overview")))


# -- Who and where ---------------------------------------------------------------------------------


def test_who_may_see_transactions_sees_it(staff: Callable[..., Client]) -> None:
    assert staff(name="nobody").get(url("overview")).status_code == 403
    assert Client().get(url("overview")).status_code == 302
    clerk = staff("view_transaction", name="clerk")
    OperationFactory(state="needs_attention")
    assert set(matters(clerk)) == {
        "Payments held for review",
        "Payments returned or charged back, last 30 days",
        "Authorizations to capture before they expire",
    }
    assert clerk.get(url("overview")).context["gateways"] == []


def test_it_shows_no_rows_that_their_own_list_hides(
    root: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    TransactionFactory(price="20", status="settled", order_reference="A")
    TransactionFactory(price="30", status="settled", order_reference="B")
    TransactionFactory(status="held", order_reference="B")
    own = admin.site.get_model_admin(Transaction)
    hidden = lambda self, request: self.model.objects.exclude(order_reference="B")  # noqa: E731
    monkeypatch.setattr(type(own), "get_queryset", hidden)
    page = root.get(url("overview"))
    assert [each["taken"] for each in page.context["volumes"]] == ["20.00"]
    assert matters(root)["Payments held for review"][0] == "0"


def test_lists_and_the_index_lead_to_it(root: Client, staff: Callable[..., Client]) -> None:
    index = reverse("admin:app_list", args=["dinero"])
    for address in (index, url("transaction_changelist"), url("customer_changelist")):
        assert f'href="{url("overview")}"' in root.get(address).content.decode()
    other = staff("view_customer", name="other")
    assert url("overview") not in other.get(index).content.decode()


def test_each_site_has_its_own(root: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.integration.admin.urls_two_sites"
    busy_month.fill(3, live=False)
    address = reverse("admin:dinero_overview", current_app="shop")
    assert address.startswith("/shop/")
    content = root.get(address).content.decode()
    assert "Taken in USD" in content
    assert [link for link in re.findall(r'href="(/[^"]*)"', content) if "/admin/" in link[:7]] == []
    # This site has no differences and no webhooks.
    assert "Webhooks given up" not in content


def test_a_site_without_transactions_has_none(root: Client, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.integration.admin.urls_customers_alone"
    CustomerFactory()
    for address in ("/office/dinero/customer/", "/office/dinero/"):
        page = root.get(address)
        assert page.status_code == 200
        assert "Overview" not in text(page)


def test_it_needs_neither_script_nor_style_of_its_own(root: Client) -> None:
    busy_month.fill(10, live=False)
    content = root.get(url("overview")).content.decode()
    main = content[content.index('id="content-main"') :]
    main = main[: main.index("</main>")] if "</main>" in main else main
    assert "<svg" in main
    assert "style=" not in main
    assert "<script" not in main
    assert "http://" not in main
    assert "https://" not in main


def test_a_month_costs_as_many_queries_as_a_day(root: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as context:
            assert root.get(url("overview")).status_code == 200
        return len(context)

    busy_month.fill(1, live=False)
    first = queries()
    busy_month.fill(10, live=False)
    assert queries() == first
