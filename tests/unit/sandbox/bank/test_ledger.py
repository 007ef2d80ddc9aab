"""Reading the ledger, settling it, and what cardholders' banks do to it."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from django_dinero.enums import RemoteStatus
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Reason, Validation
from django_dinero.sandbox.bank.records import (
    BankRefusal,
    Batch,
    LedgerRow,
    NewCard,
    Order,
    Page,
    Paging,
)
from tests.support.testbank import authorized, charged, held, plain, row_of, settled, stored

DAY = 86_400


def ids(entries: tuple[LedgerRow, ...]) -> list[str]:
    """The ids of entries."""
    return [entry.id for entry in entries]


def test_an_unknown_transaction(bank: Bank) -> None:
    with pytest.raises(BankRefusal) as refused:
        bank.retrieve_transaction("1")
    assert refused.value.reason is Reason.NOT_FOUND


def test_filters(bank: Bank) -> None:
    charged(bank)
    card = stored(bank)
    mine = row_of(bank.charge(card, Decimal(5), operation_key="op", order=Order("inv")))
    captured = authorized(bank)
    bank.capture(captured.id, capture_key="cap")
    undone = charged(bank)
    bank.void(undone.id, void_key="void")
    assert ids(bank.transactions(operation_key="op")) == [mine.id]
    assert ids(bank.transactions(invoice="inv")) == [mine.id]
    assert ids(bank.transactions(customer_id=card.customer_id)) == [mine.id]
    assert ids(bank.transactions(card_id=card.card_id)) == [mine.id]
    assert ids(bank.transactions(capture_key="cap")) == [captured.id]
    assert ids(bank.transactions(void_key="void")) == [undone.id]
    assert bank.transactions(operation_key="op", invoice="other") == ()
    assert len(bank.transactions()) == 4


@pytest.mark.parametrize(
    "name",
    ["operation_key", "capture_key", "void_key", "invoice", "customer_id", "batch_id", "parent_id"],
)
def test_an_empty_value_matches_nothing(bank: Bank, name: str) -> None:
    charged(bank)
    assert bank.transactions(**{name: ""}) == ()  # type: ignore[arg-type]


def test_since_and_pages(bank: Bank) -> None:
    first = charged(bank)
    bank.clock.advance(60)
    later = [charged(bank).id for _ in range(3)]
    since = first.submitted_at + datetime.timedelta(seconds=30)
    assert ids(bank.transactions(since=since)) == later
    assert ids(bank.transactions(since=first.submitted_at)) == [first.id, *later]
    assert ids(bank.transactions(limit=2)) == [first.id, later[0]]
    assert ids(bank.transactions(limit=2, after=later[0])) == later[1:]


@pytest.mark.parametrize("by_time", [False, True])
@pytest.mark.parametrize("descending", [False, True])
def test_parts_of_a_list_in_each_order(bank: Bank, by_time: bool, descending: bool) -> None:
    rows = [charged(bank) for _ in range(5)]
    # Times that run against the ids, two of them equal.
    for row, minute in zip(rows, (3, 2, 2, 1, 0), strict=True):
        with bank.store.writing():
            bank.store.execute(
                "UPDATE ledger SET submitted_at = ? WHERE id = ?",
                (f"2026-01-01T00:0{minute}", row.id),
            )
    ordered = [rows[n].id for n in ((4, 3, 1, 2, 0) if by_time else range(5))]
    if descending:
        ordered.reverse()
    for offset in range(0, 7, 2):
        page = bank.unsettled_page(Paging(2, offset, by_time, descending))
        assert (ids(page.rows), page.total) == (ordered[offset : offset + 2], 5)
    assert (
        ids(bank.transactions_page(Paging(by_time=by_time)).rows)[0] == rows[4 if by_time else 0].id
    )


def test_parts_of_the_same_lists(bank: Bank) -> None:
    bank.create_customer(cards=[NewCard(plain())], validation=Validation.LIVE)
    card = stored(bank)
    held(bank)
    bank.charge(card, Decimal(5))
    batch = bank.settle_batch()
    bank.charge(card, Decimal(6))
    for validations in (False, True):
        for held_only in (False, True):
            listed = bank.unsettled(held_only=held_only, validations=validations)
            page = bank.unsettled_page(Paging(), held_only=held_only, validations=validations)
            assert page == Page(listed, len(listed))
        for wanted in (
            {"batch_id": batch.id},
            {"batch_id": ""},
            {"customer_id": card.customer_id},
            {"customer_id": card.customer_id, "card_id": card.card_id},
            {},
        ):
            listed = bank.transactions(**wanted, validations=validations)  # type: ignore[arg-type]
            page = bank.transactions_page(Paging(), **wanted, validations=validations)
            assert page == Page(listed, len(listed))


def test_live_checks_stand_apart(bank: Bank) -> None:
    bank.create_customer(cards=[NewCard(plain())], validation=Validation.LIVE)
    assert bank.transactions() == bank.unsettled() == ()
    (check,) = bank.transactions(validations=True)
    assert bank.unsettled(validations=True) == (check,)
    batch = bank.settle_batch()
    assert batch.count == 0
    assert bank.unsettled(validations=True) == bank.transactions(batch_id=batch.id) == ()
    assert len(bank.transactions(batch_id=batch.id, validations=True)) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("operation_key", "capture_key", "void_key", "invoice"),
        *("customer_id", "card_id", "batch_id", "parent_id"),
    ],
)
def test_filters_use_an_index(bank: Bank, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, list[object]]] = []
    rows = bank.store.rows

    def recorded(sql: str, values: list[object]) -> object:
        asked.append((sql, values))
        return rows(sql, values)

    monkeypatch.setattr(bank.store, "rows", recorded)
    bank.transactions(**{name: "x"})  # type: ignore[arg-type]
    sql, values = asked[0]
    plan = rows(f"EXPLAIN QUERY PLAN {sql}", values)
    assert f"USING INDEX ledger_{name.split('_')[0]}" in plan[0]["detail"]


def test_settlement(bank: Bank) -> None:
    charge, authorization, captured = charged(bank), authorized(bank), authorized(bank)
    bank.capture(captured.id, Decimal(4))
    batch = bank.settle_batch()
    assert batch.count == 2
    assert bank.batches() == (batch,)
    in_batch = bank.transactions(batch_id=batch.id)
    assert ids(in_batch) == [charge.id, captured.id]
    assert [entry.status for entry in in_batch] == [RemoteStatus.SETTLED] * 2
    assert [entry.settled_at for entry in in_batch] == [batch.settled_at] * 2
    assert [str(entry.settled_amount) for entry in in_batch] == ["10.00", "4.00"]
    assert ids(bank.unsettled()) == [authorization.id]


def test_a_refund_settles_in_its_own_batch(bank: Bank) -> None:
    parent = settled(bank)
    refund = row_of(bank.refund(parent.id))
    batch = bank.settle_batch()
    assert batch.count == 1
    now = bank.retrieve_transaction(refund.id)
    assert (now.status, now.batch_id) == (RemoteStatus.SETTLED, batch.id)
    assert bank.retrieve_transaction(parent.id) == parent


def test_nothing_to_settle(bank: Bank) -> None:
    authorized(bank)
    batch = bank.settle_batch()
    assert (batch.id, batch.count) == ("", 0)
    assert bank.batches() == ()


def test_batches_by_time(bank: Bank) -> None:
    settled(bank)
    bank.clock.advance(DAY)
    settled(bank)
    first, second = bank.batches()
    assert int(first.id) < int(second.id)
    assert bank.batches(since=second.settled_at) == (second,)
    assert isinstance(first, Batch)


def test_what_is_not_settled_yet(bank: Bank) -> None:
    old = charged(bank)
    bank.void(old.id)
    bank.settle_batch()
    declined = row_of(bank.charge(plain(zip="46282"), Decimal(1)))
    voided = charged(bank)
    bank.void(voided.id)
    bank.hold_next()
    held = row_of(bank.charge(plain(), Decimal(1)))
    captured = charged(bank)
    assert ids(bank.unsettled()) == [declined.id, voided.id, held.id, captured.id]
    assert ids(bank.unsettled(held_only=True)) == [held.id]
    assert ids(bank.unsettled(after=voided.id, limit=1)) == [held.id]
    batch = bank.settle_batch()
    assert (batch.count, ids(bank.transactions(batch_id=batch.id))) == (
        *(1, [declined.id, voided.id, captured.id]),
    )
    assert ids(bank.unsettled()) == [held.id]


def test_old_authorizations_and_reviews_lapse(bank: Bank) -> None:
    old = authorized(bank)
    bank.hold_next()
    held = row_of(bank.charge(plain(), Decimal(1)))
    bank.clock.advance(30 * DAY - 1)
    young = authorized(bank)
    bank.settle_batch()
    assert bank.retrieve_transaction(old.id).status is RemoteStatus.AUTHORIZED
    bank.clock.advance(2)
    bank.settle_batch()
    statuses = [bank.retrieve_transaction(each.id).status for each in (old, held, young)]
    assert statuses == [RemoteStatus.EXPIRED, RemoteStatus.EXPIRED, RemoteStatus.AUTHORIZED]
    assert ids(bank.unsettled()) == [young.id]


def test_chargeback_and_return(bank: Bank) -> None:
    disputed, bounced = settled(bank), settled(bank)
    assert bank.chargeback(disputed.id).status is RemoteStatus.CHARGED_BACK
    assert bank.return_item(bounced.id).status is RemoteStatus.RETURNED
    assert bank.retrieve_transaction(disputed.id).status is RemoteStatus.CHARGED_BACK
    assert bank.retrieve_transaction(bounced.id).status is RemoteStatus.RETURNED


def test_only_settled_payments_come_back(bank: Bank) -> None:
    refund = row_of(bank.refund(settled(bank).id))
    bank.settle_batch()
    for entry in (charged(bank), refund):
        with pytest.raises(BankRefusal) as refused:
            bank.chargeback(entry.id)
        assert refused.value.reason is Reason.NOT_SETTLED
        assert refused.value.row == bank.retrieve_transaction(entry.id)
    with pytest.raises(BankRefusal) as refused:
        bank.return_item("1")
    assert refused.value.reason is Reason.NOT_FOUND
