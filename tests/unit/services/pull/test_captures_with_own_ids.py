"""Captures that have ids of their own at the gateway: each counts once, whoever sees it first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.types import RemoteTransaction
from django_dinero.models import Difference, Operation, Transaction
from django_dinero.models.family import Family
from django_dinero.services.reconcile import sweep as sweep_module
from django_dinero.services.reconcile.books import Books
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.reconcile.sweep import sweep
from tests.support.own_ids import give_captures_own_ids
from tests.support.recording import RecordingGateway, lose_reply
from tests.support.rollbacks import lose_in_rollback
from tests.support.sweeping import make_run, two_days_ago
from tests.support.webhooks import notice, receive

__all__ = ["make_run", "two_days_ago"]

pytestmark = pytest.mark.django_db

#: All of an authorization was captured, once, and can be refunded.
ALL = (Decimal(50), Decimal(50))


def captured(authorization: Transaction) -> tuple[Decimal, Decimal]:
    """What was captured, and what is left to refund of that."""
    row = Transaction.objects.get(pk=authorization.pk)
    captures = Transaction.objects.filter(kind="capture")
    left = sum((Family.of(each).left_to_refund for each in captures), Decimal(0))
    return row.captured_amount, left


def test_while_the_answer_is_lost_the_capture_is_awaited(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    give_captures_own_ids(gateway)
    gateway.faults["capture"] = lose_reply
    with pytest.raises(OutcomeUnknown) as caught:
        authorization.capture()
    authorization.refresh_from_gateway()
    assert not Transaction.objects.filter(kind="capture").exists()
    caught.value.operation.look_up()
    assert captured(authorization) == ALL


def test_a_webhook_beside_a_capture_adds_no_second_one(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    told = notice("transaction", authorization.transaction_id or "")
    give_captures_own_ids(gateway, lambda: receive(gateway, told))
    capture = authorization.capture()
    assert capture.transaction_id == f"C{authorization.transaction_id}"
    assert captured(authorization) == ALL


@pytest.mark.parametrize("status", ["charged_back", "returned", "held"])
def test_what_came_back_since_or_is_held_was_captured_all_the_same(
    gateway: RecordingGateway, authorization: Transaction, status: str
) -> None:
    give_captures_own_ids(gateway)
    capture = authorization.capture()
    Transaction.objects.filter(pk=capture.pk).update(status=status)
    authorization.refresh_from_gateway()
    assert [*Transaction.objects.filter(kind="capture")] == [capture]


def test_a_capture_whose_row_is_lost_is_not_added_under_another_id(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    give_captures_own_ids(gateway)
    capture = authorization.capture()
    lose_in_rollback(capture)
    authorization.refresh_from_gateway()
    assert not Transaction.objects.filter(kind="capture").exists()


def test_one_made_elsewhere_gets_its_own_id_when_that_is_told(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    give_captures_own_ids(gateway)
    gateway.bank.capture(authorization.transaction_id or "", Decimal("50.00"))
    authorization.refresh_from_gateway()
    capture = Transaction.objects.get(kind="capture")
    assert capture.transaction_id == authorization.transaction_id
    for _n in range(2):
        assert Transaction.retrieve(f"C{authorization.transaction_id}") == capture
    capture.refresh_from_db()
    assert capture.transaction_id == f"C{authorization.transaction_id}"
    assert captured(authorization) == ALL


def test_a_sum_of_several_captures_stands_for_each(
    gateway: RecordingGateway, authorization: Transaction
) -> None:
    give_captures_own_ids(gateway)
    gateway.bank.capture(authorization.transaction_id or "", Decimal("50.00"))
    authorization.refresh_from_gateway()
    around = gateway.around
    assert around is not None
    gateway.around = lambda verb, call: replace(around(verb, call), amount=Decimal("20.00"))
    Transaction.retrieve(f"C{authorization.transaction_id}")
    assert captured(authorization) == ALL


@pytest.mark.parametrize("dry_run", [True, False])
def test_the_books_count_the_capture_and_not_its_authorization(
    gateway: RecordingGateway,
    authorization: Transaction,
    make_run: Callable[..., Run],
    two_days_ago: Callable[[], None],
    dry_run: bool,
) -> None:
    give_captures_own_ids(gateway)
    authorization.capture("30.00")
    two_days_ago()
    run = make_run(days=4, dry_run=dry_run)
    sweep(run)
    assert run.counts["days"] == 1
    assert not Difference.objects.exists()
    gateway.bank.settle_batch()
    sweep(make_run(days=4))
    assert not Difference.objects.exists()
    rows = Transaction.objects.order_by("pk")
    assert [(each.kind, each.status) for each in rows] == [
        ("authorization", "settled"),
        ("capture", "settled"),
    ]


def test_another_amount_than_was_captured_is_still_told(
    gateway: RecordingGateway,
    authorization: Transaction,
    make_run: Callable[..., Run],
    two_days_ago: Callable[[], None],
) -> None:
    give_captures_own_ids(gateway)
    capture = authorization.capture("30.00")
    Transaction.objects.filter(pk=capture.pk).update(price="20.00")
    two_days_ago()
    sweep(make_run(days=4))
    kinds = Difference.objects.exclude(kind="books").values_list("kind", "transaction_id")
    assert {*kinds} == {
        ("amount", authorization.transaction_id),
        ("amount", capture.transaction_id),
    }


def test_an_authorization_whose_capture_is_under_way_counts_on_neither_side(
    gateway: RecordingGateway,
    authorization: Transaction,
    make_run: Callable[..., Run],
    two_days_ago: Callable[[], None],
) -> None:
    gateway.faults["capture"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        authorization.capture()
    two_days_ago()
    run = make_run(days=4)
    sweep(run)
    assert run.counts["being_made"] == 1
    assert not Difference.objects.exists()
    assert Operation.objects.get(kind="capture").state == "unknown"


@pytest.fixture
def given_back(
    gateway: RecordingGateway, authorization: Transaction, two_days_ago: Callable[[], None]
) -> Transaction:
    """An authorization that was captured in the gateway's pages, of which 20 were refunded there.

    Each was made two days ago, and nobody has told of it here.
    """
    give_captures_own_ids(gateway)
    gateway.bank.capture(authorization.transaction_id or "", Decimal("50.00"))
    gateway.bank.settle_batch()
    gateway.bank.refund(authorization.transaction_id or "", Decimal("20.00"))
    two_days_ago()
    return authorization


def list_as(
    gateway: RecordingGateway,
    change: Callable[[list[RemoteTransaction]], Iterable[RemoteTransaction]],
) -> None:
    """Let the gateway's lists be others."""
    around = gateway.around
    assert around is not None

    def changed(verb: str, call: Callable[[], Any]) -> Any:
        found = around(verb, call)
        return iter(change([*found])) if verb == "iter_transactions" else found

    gateway.around = changed


def without(*kinds: str) -> Callable[[list[RemoteTransaction]], Iterable[RemoteTransaction]]:
    """Lists that lack what is of these kinds, as it is older than they are."""
    return lambda found: [each for each in found if each.kind not in kinds]


#: What was captured, and what is left of it to refund after 20 were given back.
LESS = (Decimal(50), Decimal(30))


@pytest.mark.parametrize(
    "change",
    [list, reversed, without("capture"), without("capture", "authorization")],
    ids=["oldest-first", "newest-first", "refund-and-authorization", "refund-alone"],
)
@pytest.mark.parametrize("seen_before", [True, False])
def test_a_sweep_finds_what_was_refunded_of_a_capture_by_its_own_id(
    gateway: RecordingGateway,
    given_back: Transaction,
    make_run: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[list[RemoteTransaction]], Iterable[RemoteTransaction]],
    seen_before: bool,
) -> None:
    monkeypatch.setattr(sweep_module, "BATCH", 1)
    if seen_before:
        given_back.refresh_from_gateway()
    list_as(gateway, change)
    for _n in range(2):
        run = make_run(days=4)
        sweep(run)
    assert run.counts["foreign"] == 0
    assert not Difference.objects.exists()
    capture = Transaction.objects.get(kind="capture")
    assert capture.transaction_id == f"C{given_back.transaction_id}"
    assert Transaction.objects.get(kind="refund").parent == capture
    assert captured(given_back) == LESS


def test_a_capture_made_elsewhere_is_counted_once_in_the_books(
    gateway: RecordingGateway, given_back: Transaction, make_run: Callable[..., Run]
) -> None:
    run = make_run(days=4)
    sums: list[tuple[Decimal, Decimal]] = []
    original = Books.add

    def add(self: Books, *args: Any, here: Decimal, there: Decimal) -> None:
        sums.append((here, there))
        original(self, *args, here=here, there=there)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Books, "add", add)
        sweep(run)
    assert [sum(each) for each in zip(*sums, strict=True)] == [30, 30]


def test_a_dry_run_writes_no_capture_and_tells_of_the_refund(
    gateway: RecordingGateway, given_back: Transaction, make_run: Callable[..., Run]
) -> None:
    run = make_run(days=4, dry_run=True)
    sweep(run)
    assert run.counts["refunded_elsewhere"] == 1
    assert [*Transaction.objects.values_list("kind", flat=True)] == ["authorization"]


def test_what_other_software_captured_and_refunded_is_asked_about_once(
    gateway: RecordingGateway,
    given_back: Transaction,
    make_run: Callable[..., Run],
) -> None:
    list_as(
        gateway,
        lambda found: [replace(e, parent_id="C404") for e in found if e.kind == "refund"] * 2,
    )
    mark = gateway.mark
    run = make_run(days=4)
    sweep(run)
    asked = [args for verb, args in gateway.calls[mark:] if verb == "retrieve_transaction"]
    assert asked.count(("C404",)) == 1
    assert run.counts["foreign"] == 2


def test_refunds_of_captures_that_have_one_row_for_their_sum_belong_to_it(
    gateway: RecordingGateway, given_back: Transaction, make_run: Callable[..., Run]
) -> None:
    given_back.refresh_from_gateway()
    around = gateway.around
    assert around is not None

    def in_parts(verb: str, call: Callable[[], Any]) -> Any:
        found = around(verb, call)
        is_capture = getattr(found, "kind", None) == "capture"
        return replace(found, amount=Decimal("25.00")) if is_capture else found

    gateway.around = in_parts
    list_as(gateway, without("capture"))
    sweep(make_run(days=4))
    assert captured(given_back) == LESS


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_webhook_tells_of_a_refund_of_a_capture_by_its_own_id(
    gateway: RecordingGateway, given_back: Transaction, seen_before: bool
) -> None:
    if seen_before:
        given_back.refresh_from_gateway()
    (refund,) = (each for each in gateway.bank.transactions() if each.kind == "refund")
    event = receive(gateway, notice("transaction", refund.id))
    assert event is not None
    assert event.state == "applied"
    assert captured(given_back) == LESS


def test_a_refund_that_names_the_authorization_moves_when_the_capture_is_told_by_its_own_id(
    gateway: RecordingGateway, given_back: Transaction
) -> None:
    around, gateway.around = gateway.around, None
    (refund,) = (each for each in gateway.bank.transactions() if each.kind == "refund")
    receive(gateway, notice("transaction", refund.id))
    gateway.around = around
    receive(gateway, notice("transaction", f"C{given_back.transaction_id}"))
    assert captured(given_back) == LESS
