"""Going through everything: pages, windows of a month, and lists that end too early."""

from __future__ import annotations

import datetime

import pytest

from django_dinero.exceptions import GatewayError, NotSent, OutcomeUnknown
from django_dinero.gateways.authorizenet import lookups
from django_dinero.gateways.types import Kind
from tests.support.scripted import NOT_FOUND, Answer, no, ok, scripted

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
EMPTY = ok(code="I00004", text="No records found.")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock, and put two items on a page."""
    monkeypatch.setattr("django_dinero.gateways.authorizenet.lookups.timezone.now", lambda: NOW)
    monkeypatch.setattr(lookups, "PAGE", 2)


def listed(*ids: str, submitted: str = "2026-03-01T11:30:00Z") -> Answer:
    """Answer with a list of transactions."""
    inner = "".join(
        f"<transaction><transId>{each}</transId><submitTimeUTC>{submitted}</submitTimeUTC>"
        "<transactionStatus>settledSuccessfully</transactionStatus>"
        "<settleAmount>5.00</settleAmount></transaction>"
        for each in ids
    )
    return ok(f"<transactions>{inner}</transactions>")


def batches(*ids: str) -> Answer:
    """Answer with a list of batches."""
    inner = "".join(f"<batch><batchId>{each}</batchId></batch>" for each in ids)
    return ok(f"<batchList>{inner}</batchList>")


def profile(customer_id: str) -> Answer:
    """Answer with a customer."""
    return ok(f"<profile><customerProfileId>{customer_id}</customerProfileId></profile>")


def known(*ids: str) -> Answer:
    """Answer with the ids of all customers."""
    inner = "".join(f"<numericString>{each}</numericString>" for each in ids)
    return ok(f"<ids>{inner}</ids>")


# -- Transactions ----------------------------------------------------------------------------------


def test_a_list_is_read_page_by_page() -> None:
    gateway, client = scripted(listed("1", "2"), listed("3", "4"), listed("5"), EMPTY)
    found = list(gateway.iter_transactions(NOW - HOUR))
    assert [each.transaction_id for each in found] == ["1", "2", "3", "4", "5"]
    assert {each.kind for each in found} == {Kind.CHARGE}
    assert client.asked[0].values == {
        "sorting": {"orderBy": "id", "orderDescending": "false"},
        "paging": {"limit": "2", "offset": "1"},
    }
    pages = [asked.values["paging"]["offset"] for asked in client.asked[:3]]
    assert pages == ["1", "2", "3"]


def test_a_full_last_page_is_followed_by_an_empty_one() -> None:
    gateway, client = scripted(listed("1", "2"), EMPTY, EMPTY)
    assert len(list(gateway.iter_transactions(NOW - HOUR))) == 2
    assert client.operations[2] == "getSettledBatchList"


def test_a_real_page_is_as_long_as_the_schema_lets_it_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (lookups.PAGE, lookups.MAX_PAGES, lookups.BATCH_DAYS) == (1000, 100_000, 31)


def test_a_list_without_an_end_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MAX_PAGES", 3)
    gateway, client = scripted(*[listed("1", "2")] * 4)
    with pytest.raises(GatewayError, match="no end"):
        list(gateway.iter_transactions(NOW - HOUR))
    assert len(client.asked) == 3


def test_unsettled_ones_come_first_and_each_once() -> None:
    gateway, client = scripted(
        listed("3"), batches("7", "8"), listed("1"), listed("2", "3"), listed()
    )
    found = [each.transaction_id for each in gateway.iter_transactions(NOW - HOUR)]
    assert found == ["3", "1", "2"]
    assert client.operations == [
        "getUnsettledTransactionList",
        "getSettledBatchList",
        *["getTransactionList"] * 3,
    ]
    assert [asked.values["batchId"] for asked in client.asked[2:]] == ["7", "8", "8"]


@pytest.mark.parametrize(
    ("submitted", "seen"),
    [("2026-03-01T10:59:59Z", False), ("2026-03-01T11:00:00Z", True), ("", True)],
)
def test_older_ones_are_left_out(submitted: str, seen: bool) -> None:
    gateway, _client = scripted(listed("1", submitted=submitted), EMPTY)
    assert bool(list(gateway.iter_transactions(NOW - HOUR))) is seen


def test_nothing_is_asked_before_the_first_is_wanted() -> None:
    gateway, client = scripted(listed("1"))
    found = gateway.iter_transactions(NOW - HOUR)
    assert client.asked == []
    assert next(found).transaction_id == "1"
    assert client.operations == ["getUnsettledTransactionList"]


def windows(since: datetime.datetime) -> list[tuple[str, str]]:
    """Return the windows in which batches are asked for."""
    gateway, client = scripted(*[EMPTY] * 10)
    assert list(gateway.iter_transactions(since)) == []
    asked = [asked.values for asked in client.asked[1:]]
    return [(values["firstSettlementDate"], values["lastSettlementDate"]) for values in asked]


def test_the_last_window_reaches_beyond_now() -> None:
    assert windows(NOW - HOUR) == [("2026-03-01T11:00:00Z", "2026-03-02T12:00:00Z")]


def test_no_window_is_longer_than_a_month() -> None:
    assert windows(NOW - 70 * DAY) == [
        ("2025-12-21T12:00:00Z", "2026-01-21T12:00:00Z"),
        ("2026-01-21T12:00:00Z", "2026-02-21T12:00:00Z"),
        ("2026-02-21T12:00:00Z", "2026-03-02T12:00:00Z"),
    ]
    assert windows(NOW - 31 * DAY) == [
        ("2026-01-29T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z"),
    ]


def test_a_moment_of_another_zone_is_asked_for_in_utc() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=-5))
    assert windows((NOW - HOUR).astimezone(zone))[0][0] == "2026-03-01T11:00:00Z"


def test_no_window_in_the_future() -> None:
    assert windows(NOW + DAY) == []


@pytest.mark.parametrize(
    "answers",
    [
        [no("E00011", "No permission.")],
        [listed("1"), no("E00011", "No permission.")],
        [listed("1"), batches("7"), no("E00011", "No permission.")],
    ],
)
def test_a_list_that_cannot_be_read_is_an_error_and_no_end(answers: list[Answer]) -> None:
    gateway, _client = scripted(*answers)
    with pytest.raises(GatewayError, match="No permission") as caught:
        list(gateway.iter_transactions(NOW - HOUR))
    assert caught.value.gateway_name == "shop"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("lost", [NotSent("no"), OutcomeUnknown("lost")])
def test_what_breaks_on_the_wire_is_passed_on(lost: Exception) -> None:
    gateway, _client = scripted(listed("1"), lost)
    with pytest.raises(type(lost)):
        list(gateway.iter_transactions(NOW - HOUR))


# -- Customers -------------------------------------------------------------------------------------


def test_customers_are_fetched_one_by_one() -> None:
    gateway, client = scripted(known("10", "11"), profile("10"), profile("11"))
    found = gateway.iter_customers()
    assert next(found).customer_id == "10"
    assert client.operations == ["getCustomerProfileIds", "getCustomerProfile"]
    assert [each.customer_id for each in found] == ["11"]


@pytest.mark.parametrize("answer", [ok(), ok("<ids/>"), EMPTY])
def test_no_customers(answer: Answer) -> None:
    gateway, _client = scripted(answer)
    assert list(gateway.iter_customers()) == []


def test_one_that_is_deleted_meanwhile_is_left_out() -> None:
    gateway, _client = scripted(known("10", "11"), NOT_FOUND, profile("11"))
    assert [each.customer_id for each in gateway.iter_customers()] == ["11"]


@pytest.mark.parametrize("answers", [[no("E00044", "Off.")], [known("10"), no("E00044", "Off.")]])
def test_customers_that_cannot_be_read_are_an_error(answers: list[Answer]) -> None:
    gateway, _client = scripted(*answers)
    with pytest.raises(GatewayError, match="Off") as caught:
        list(gateway.iter_customers())
    assert caught.value.gateway_code == "E00044"
    assert caught.value.gateway_name == "shop"
