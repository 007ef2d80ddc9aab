"""Lists of transactions: pages, windows of a month, and lists that change or end too early."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from django_dinero.enums import TransactionKind
from django_dinero.exceptions import (
    AuthenticationError,
    GatewayError,
    NotPermittedError,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.authorizenet import AuthorizeNetGateway, lists
from django_dinero.gateways.authorizenet.client import Reply
from django_dinero.gateways.types import LookupHints
from tests.support.frozen import stop_clock
from tests.support.scripted import NOT_FOUND, OPTIONS, Answer, no, ok, scripted

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
SECOND, HOUR, DAY = (datetime.timedelta(**{unit: 1}) for unit in ("seconds", "hours", "days"))
SINCE = NOW - HOUR
EMPTY = ok(code="I00004", text="No records found.")
#: In place of the 1000 of the real one; five pages are the most then.
PAGE = 10


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock, and make pages short."""

    stop_clock(monkeypatch, NOW)
    monkeypatch.setattr(lists, "PAGE", PAGE)


def item(number: int, submitted: datetime.datetime | None = NOW, key: str = "") -> str:
    """Return one transaction of a list; one without a moment where that is None."""
    when = submitted.strftime("%Y-%m-%dT%H:%M:%SZ") if submitted else ""
    return (
        f"<transaction><transId>{number}</transId><submitTimeUTC>{when}</submitTimeUTC>"
        f"<transactionStatus>settledSuccessfully</transactionStatus><invoiceNumber>{key}"
        "</invoiceNumber><settleAmount>5.00</settleAmount></transaction>"
    )


def run(first: int, last: int, newest: datetime.datetime = NOW) -> list[str]:
    """Return transactions, newest first, a second between two."""
    return [item(n, newest - (n - first) * SECOND) for n in range(first, last + 1)]


@dataclass
class Books:
    """A client over two lists of the gateway's, cut into pages as they are asked for.

    Attributes:
        unsettled: what has not settled yet, newest first.
        settled: batches by their ids.
        asked: the calls so far: operation, limit and page.
        meanwhile: what happens before a page of the unsettled is cut out, by its number.
    """

    unsettled: list[str]
    settled: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, int, int]] = field(default_factory=list)
    values: list[Mapping[str, Any]] = field(default_factory=list)
    meanwhile: dict[int, Callable[[], None]] = field(default_factory=dict)

    def call(self, operation: str, values: Mapping[str, Any], **_: object) -> Reply:
        """Answer as the reporting calls do."""
        self.values.append(values)
        if operation == "getSettledBatchList":
            ids = "".join(f"<batch><batchId>{each}</batchId></batch>" for each in self.settled)
            return ok(f"<batchList>{ids}</batchList>").reply(operation)
        limit, number = (int(values["paging"][name]) for name in ("limit", "offset"))
        self.asked.append((operation, limit, number))
        if operation == "getUnsettledTransactionList":
            self.meanwhile.pop(number, lambda: None)()
            found = self.unsettled
        else:
            found = self.settled[values["batchId"]]
        shown = found[(number - 1) * limit : number * limit]
        answer = ok(f"<transactions>{''.join(shown)}</transactions>") if shown else EMPTY
        return answer.reply(operation)


def reading(books: Books) -> Iterator[str]:
    """Go through the transactions of the last hour and yield their ids."""
    gateway = AuthorizeNetGateway("shop", OPTIONS)
    gateway._client = books  # type: ignore[assignment]
    for remote in gateway.iter_transactions(SINCE):
        yield remote.transaction_id


def numbers(first: int, last: int) -> list[str]:
    """Return ids."""
    return [str(number) for number in range(first, last + 1)]


def test_a_status_that_nobody_knows_leaves_out_its_own_transaction_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    strange = item(2).replace("settledSuccessfully", "reviewedTwice")
    assert [*reading(Books([item(3), strange, item(1)]))] == ["3", "1"]
    assert "transaction 2 is left out of a list" in caplog.text
    assert "reviewedTwice" in caplog.text


def test_the_warning_of_it_shows_no_card_number(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows what stands there."""
    number = "4111111111111111"
    strange = item(2).replace("settledSuccessfully", f"of {number}").replace(">2<", f">{number}<")
    assert [*reading(Books([strange]))] == []
    assert "is left out of a list" in caplog.text
    assert number not in caplog.text


# -- Pages -----------------------------------------------------------------------------------------


def test_a_real_page_is_as_long_as_the_schema_lets_it_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert (lists.PAGE, lists.BATCH_DAYS) == (1000, 31)


def test_the_newest_come_first_and_held_ones_count() -> None:
    books = Books(run(1, 3))
    assert list(reading(books)) == ["1", "2", "3"]
    assert books.values[0] == {
        "status": "any",
        "sorting": {"orderBy": "submitTimeUTC", "orderDescending": "true"},
        "paging": {"limit": "10", "offset": "1"},
    }


@pytest.mark.parametrize("count", [9, 10, 11, 18, 19, 24, 25, 29])
def test_a_list_is_read_to_its_end_and_each_once(count: int) -> None:
    books = Books(run(1, count))
    assert list(reading(books)) == numbers(1, count)
    assert all(limit * page > page for _operation, limit, page in books.asked)


def test_each_page_begins_before_the_end_of_the_last_one() -> None:
    books = Books(run(1, 25))
    list(reading(books))
    spans = [((page - 1) * limit, page * limit) for _, limit, page in books.asked]
    assert spans == [(0, 10), (9, 18), (16, 24), (21, 28)]


@pytest.mark.parametrize(
    ("change", "page"),
    [
        (lambda books: books.unsettled.__delitem__(slice(0, 1)), 2),
        (lambda books: books.unsettled.__delitem__(slice(2, 12)), 2),
        (lambda books: books.unsettled.__delitem__(slice(0, 20)), 2),
        (lambda books: books.unsettled.clear(), 2),
        (lambda books: books.unsettled.__delitem__(slice(3, 5)), 3),
        (lambda books: books.unsettled.clear(), 4),
    ],
)
def test_a_list_that_shrinks_while_it_is_read_is_not_complete(
    change: Callable[[Books], None], page: int
) -> None:
    books = Books(run(1, 25))
    books.meanwhile[page] = lambda: change(books)
    with pytest.raises(GatewayError, match="changed while it was read"):
        list(reading(books))


def test_one_item_less_is_within_what_the_third_page_reaches_back() -> None:
    books = Books(run(1, 25))
    books.meanwhile[3] = lambda: books.unsettled.__delitem__(0)
    assert list(reading(books)) == numbers(1, 25)


@pytest.mark.parametrize("new", [1, 5, 17])
def test_new_ones_push_the_others_down_and_none_comes_twice(new: int) -> None:
    books = Books(run(1, 12))
    arrived = run(101, 100 + new, NOW + HOUR)
    books.meanwhile[2] = lambda: books.unsettled.__setitem__(slice(0, 0), arrived)
    found = list(reading(books))
    assert sorted(set(found), key=int) == sorted(found, key=int)
    assert set(numbers(1, 12)) <= set(found)


def test_a_list_without_an_end_is_not_complete() -> None:
    books = Books(run(1, 1000))
    with pytest.raises(GatewayError, match="no end"):
        list(reading(books))
    assert len(books.asked) == PAGE // 2


def test_reading_stops_where_the_rest_is_older() -> None:
    books = Books(run(1, 12) + run(13, 500, SINCE - SECOND))
    assert list(reading(books)) == numbers(1, 12)
    assert len(books.asked) == 2


@pytest.mark.parametrize("strange", [item(0, NOW + DAY), item(0, None)])
def test_a_list_that_is_not_in_order_is_read_to_its_end(strange: str) -> None:
    old = [item(100 + n, SINCE - (n + 1) * SECOND) for n in range(9)]
    books = Books([*old[:5], strange, *old[5:], *run(1, 3)])
    assert list(reading(books)) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("submitted", "seen"), [(SINCE - SECOND, False), (SINCE, True), (None, True)]
)
def test_older_ones_are_left_out(submitted: datetime.datetime | None, seen: bool) -> None:
    assert list(reading(Books([item(1, submitted)]))) == (["1"] if seen else [])


# -- From list to list -----------------------------------------------------------------------------


def test_unsettled_ones_come_first_and_each_once() -> None:
    books = Books([item(3)], {"7": [item(1)], "8": [item(3), item(2)]})
    assert list(reading(books)) == ["3", "1", "2"]
    assert [operation for operation, _limit, _page in books.asked] == [
        "getUnsettledTransactionList",
        *["getTransactionList"] * 2,
    ]


def test_all_of_a_batch_is_listed_with_its_time_however_old() -> None:
    gateway, _client = scripted(
        EMPTY,
        ok(
            "<batchList><batch><batchId>7</batchId>"
            "<settlementTimeUTC>2026-03-01T11:30:00Z</settlementTimeUTC></batch></batchList>"
        ),
        ok(f"<transactions>{item(1)}{item(2, NOW - 20 * DAY)}</transactions>"),
    )
    found = list(gateway.iter_transactions(SINCE))
    moment = datetime.datetime(2026, 3, 1, 11, 30, tzinfo=datetime.UTC)
    assert [(r.transaction_id, r.batch_id, r.settled_at) for r in found] == [
        ("1", "7", moment),
        ("2", "7", moment),
    ]


def test_a_search_reads_no_older_ones() -> None:
    books = Books([], {"7": [item(1), item(2, NOW - 20 * DAY)]})
    gateway = AuthorizeNetGateway("shop", OPTIONS)
    gateway._client = books  # type: ignore[assignment]
    assert [each["transId"] for each in lists.listed(gateway._patient, SINCE)] == ["1"]


def test_what_settles_while_we_read_is_seen_in_its_batch() -> None:
    books = Books(run(1, 25))

    def settle() -> None:
        books.settled["7"], books.unsettled = books.unsettled[10:], books.unsettled[:10]

    books.meanwhile[2] = settle
    assert list(reading(books)) == numbers(1, 25)


def test_what_was_read_is_forgotten_but_for_the_unsettled() -> None:
    """The memory that it takes does not grow with the account."""
    books = Books(run(1, 2), {str(batch): run(1000 * batch, 1000 * batch + 20) for batch in (1, 2)})
    gateway = AuthorizeNetGateway("shop", OPTIONS)
    gateway._client = books  # type: ignore[assignment]
    walk = lists.listed(gateway._patient, SINCE)
    most = 0
    for _ in walk:
        frame = walk.gi_frame  # type: ignore[attr-defined]
        most = max(most, len(frame.f_locals["unsettled"]))
    assert most == 2


def test_a_batch_that_two_windows_show_is_read_once() -> None:
    books = Books([], {"7": [item(1)]})
    gateway = AuthorizeNetGateway("shop", OPTIONS)
    gateway._client = books  # type: ignore[assignment]
    found = list(gateway.iter_transactions(NOW - 70 * DAY))
    assert [(each.transaction_id, each.kind) for each in found] == [("1", TransactionKind.CHARGE)]
    assert len(books.asked) == 2


def test_a_batch_without_an_id_is_not_taken_for_the_last_one() -> None:
    books = Books([], {"": [item(1)]})
    with pytest.raises(GatewayError, match="without an id"):
        list(reading(books))


def test_nothing_is_asked_before_the_first_is_wanted() -> None:
    books = Books([item(1)])
    found = reading(books)
    assert books.asked == []
    assert next(found) == "1"
    assert len(books.asked) == 1


def windows(
    since: datetime.datetime, until: datetime.datetime | None = None
) -> list[tuple[str, str]]:
    """Return the windows in which batches are asked for."""
    gateway, client = scripted(*[EMPTY] * 10)
    assert list(gateway.iter_transactions(since, until)) == []
    asked = [asked.values for asked in client.asked[1:]]
    return [(values["firstSettlementDate"], values["lastSettlementDate"]) for values in asked]


def test_the_last_window_reaches_beyond_now() -> None:
    assert windows(SINCE) == [("2026-03-01T11:00:00Z", "2026-03-02T12:00:00Z")]


def test_no_window_reaches_beyond_what_is_wanted() -> None:
    assert windows(NOW - 70 * DAY, NOW - 63 * DAY) == [
        ("2025-12-21T12:00:00Z", "2025-12-28T12:00:00Z")
    ]
    assert windows(SINCE, NOW + 9 * DAY) == windows(SINCE)


def test_what_was_submitted_later_and_waits_is_left_out() -> None:
    books = Books([item(2, NOW - 5 * 60 * SECOND), item(1, NOW - 50 * 60 * SECOND)])
    gateway = AuthorizeNetGateway("shop", OPTIONS)
    gateway._client = books  # type: ignore[assignment]
    until = NOW - 30 * 60 * SECOND
    assert [each.transaction_id for each in gateway.iter_transactions(SINCE, until)] == ["1"]


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
    assert windows(SINCE.astimezone(zone))[0][0] == "2026-03-01T11:00:00Z"


def test_no_window_in_the_future() -> None:
    assert windows(NOW + DAY) == []


# -- Lists that cannot be read ---------------------------------------------------------------------

LISTED = ok(f"<transactions>{item(1)}</transactions>")
BATCH = ok("<batchList><batch><batchId>7</batchId></batch></batchList>")
FORBIDDEN = no("E00011", "No permission.")
BROKEN = [[FORBIDDEN], [LISTED, FORBIDDEN], [LISTED, BATCH, FORBIDDEN], [LISTED, NOT_FOUND]]


@pytest.mark.parametrize("answers", BROKEN)
def test_a_list_that_cannot_be_read_is_an_error_and_no_end(answers: list[Answer]) -> None:
    gateway, _client = scripted(*answers)
    with pytest.raises(GatewayError) as caught:
        list(gateway.iter_transactions(SINCE))
    forbidden = answers[-1] is FORBIDDEN
    assert type(caught.value) is (NotPermittedError if forbidden else GatewayError)
    assert str(caught.value) == answers[-1].text
    assert caught.value.gateway_code == answers[-1].code
    assert caught.value.gateway_name == "shop"
    assert caught.value.__context__ is None


@pytest.mark.parametrize("seen", [[], [LISTED], [LISTED, BATCH]])
@pytest.mark.parametrize("code", ["E00005", "E00006", "E00007", "E00008", "E00059"])
def test_wrong_credentials_are_told_as_that(seen: list[Answer], code: str) -> None:
    gateway, _client = scripted(*seen, no(code, "Who are you?"))
    with pytest.raises(AuthenticationError, match="Who are you") as caught:
        list(gateway.iter_transactions(SINCE))
    assert (caught.value.gateway_code, caught.value.gateway_name) == (code, "shop")


@pytest.mark.parametrize("answers", BROKEN)
def test_a_list_that_cannot_be_read_proves_nothing(answers: list[Answer]) -> None:
    gateway, _client = scripted(*answers)
    found = gateway.find_operation("KEY", LookupHints("charge", SINCE))
    assert (found.matches, found.complete) == ((), False)


def test_a_list_that_shrinks_while_it_is_searched_proves_nothing() -> None:
    books = Books([*run(1, 15), item(16, NOW - 15 * SECOND, "KEY")])
    books.meanwhile[2] = lambda: books.unsettled.__delitem__(slice(0, 8))
    gateway = AuthorizeNetGateway("shop", OPTIONS)
    gateway._client = books  # type: ignore[assignment]
    assert gateway.find_operation("KEY", LookupHints("charge", SINCE)).complete is False


@pytest.mark.parametrize("lost", [NotSent("no"), OutcomeUnknown("lost")])
def test_what_breaks_on_the_wire_is_passed_on(lost: Exception) -> None:
    gateway, _client = scripted(LISTED, lost)
    with pytest.raises(type(lost)):
        list(gateway.iter_transactions(SINCE))
