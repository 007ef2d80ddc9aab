"""Rivals at each isolation level that a project may choose: one answer, and errors of ours only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from django_dinero.exceptions import DineroError, OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.databases import VENDOR
from tests.support.isolation import ALIASES, LEVELS, ROUNDS, isolated
from tests.support.racing import at_once
from tests.support.recording import RecordingGateway, lose_reply
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True, databases=ALIASES)]

BUSY = {"operation_in_progress"}
#: What deletes and charges of one customer may say to each other.
LATE = {*BUSY, "invalid_input", "customer_not_found", "card_not_found"}
NUMBERS = ("5424000000000015", "4007000000027", "370000000000002")


@pytest.fixture(params=LEVELS, autouse=True)
def isolation(request: Any) -> Iterator[str]:
    """The level of each connection that is opened in the test; empty for Django's own."""
    with isolated(request.param):
        yield request.param


def refusals(found: list[object]) -> set[object]:
    return {each for each in found if isinstance(each, str)}


def test_one_key_is_one_charge(gateway: RecordingGateway, make_customer: Any) -> None:
    pk = make_customer().pk

    def charge(key: str) -> Transaction:
        return Customer.objects.get(pk=pk).charge(5, idempotency_key=key)

    for n in range(ROUNDS):
        found = at_once(*[partial(charge, f"order-{n}")] * 4)
        assert refusals(found) <= BUSY
        assert len({each for each in found if isinstance(each, Transaction)}) == 1
    assert len(gateway.bank.transactions()) == Transaction.objects.count() == ROUNDS


def test_one_key_is_one_customer(gateway: RecordingGateway, card: dict[str, Any]) -> None:
    for n in range(ROUNDS):
        create = partial(Customer.create, f"{n}@example.com", idempotency_key=f"sign-{n}", **card)
        found = at_once(*[create] * 3)
        assert refusals(found) <= BUSY
    assert Customer.objects.count() == len(list(gateway.iter_customers())) == ROUNDS


def test_a_capture_against_a_void(gateway: RecordingGateway, make_customer: Any) -> None:
    customer = make_customer()
    for n in range(ROUNDS):
        row = Transaction.create(n + 1, customer=customer, settle=False)
        one, two = (Transaction.objects.get(pk=row.pk) for _ in range(2))
        found = at_once(one.capture, two.void)
        assert refusals(found) <= {*BUSY, "invalid_transaction"}
        row.refresh_from_db()
        (entry,) = (e for e in gateway.bank.transactions() if e.id == row.transaction_id)
        assert (entry.status == "voided") is (row.status == "voided")


# -- The vault -------------------------------------------------------------------------------------


def choose(pk: int) -> None:
    card = CreditCard.objects.get(pk=pk)
    card.is_default = True
    card.save()


def test_two_defaults_at_once(gateway: RecordingGateway, make_customer: Any) -> None:
    customer = make_customer()
    cards = [customer.cards[0], customer.add_card(number=NUMBERS[0], month=12, year=2060)]
    for _round in range(ROUNDS):
        found = at_once(*[partial(choose, card.pk) for card in cards])
        assert refusals(found) == set()
        ours = CreditCard.objects.get(default_of=customer.pk)
        stored: Any = gateway.retrieve_customer(customer.customer_id)
        (theirs,) = (each.card_id for each in stored.cards if each.is_default)
        waits = CreditCard.objects.exclude(sync_state="synced").exists()
        assert waits or ours.card_id == theirs


def test_a_customer_deleted_while_charged(gateway: RecordingGateway, make_customer: Any) -> None:
    for n in range(ROUNDS):
        customer = make_customer(email=f"{n}@example.com")
        one, two = (Customer.objects.get(pk=customer.pk) for _ in range(2))
        found = at_once(partial(one.charge, 5), two.delete)
        assert refusals(found) <= LATE
        approved = {entry.id for entry in gateway.bank.transactions()}
        rows = Transaction.objects.filter(status="approved")
        assert approved == set(rows.values_list("transaction_id", flat=True))
    assert not Customer.objects.exists()
    assert not Operation.objects.filter(state__in=("sent", "unknown")).exists()


def test_cards_added_deleted_and_pulled_at_once(
    gateway: RecordingGateway, make_customer: Any
) -> None:
    def add(pk: int, number: str) -> None:
        Customer.objects.get(pk=pk).add_card(number=number, month=12, year=2060)

    for n in range(ROUNDS):
        customer = make_customer(email=f"{n}@example.com")
        found = at_once(
            *[partial(add, customer.pk, number) for number in NUMBERS],
            CreditCard.objects.get(customer=customer).delete,
            partial(Customer.retrieve, customer.customer_id),
        )
        assert refusals(found) <= BUSY
        cards = CreditCard.objects.filter(customer=customer)
        assert cards.filter(default_of=customer.pk).count() <= 1
        stored: Any = gateway.retrieve_customer(customer.customer_id)
        kept = cards.exclude(sync_state="missing").values_list("card_id", flat=True)
        if refusals(found) == set():
            assert set(kept) == {card.card_id for card in stored.cards}


# -- In the caller's transaction, whose snapshot is older than the rival's rows --------------------

Act = Callable[[Customer, Transaction, dict[str, Any]], object]
Follow = Callable[..., Transaction]


def _fresh(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


BLIND: dict[str, Act] = {
    "charge": lambda customer, paid, card: _fresh(customer).charge(7, idempotency_key="k-1"),
    "refund": lambda customer, paid, card: _fresh(paid).refund(2, idempotency_key="k-1"),
    "create": lambda customer, paid, card: Customer.create(
        "b@example.com", idempotency_key="k-1", **card
    ),
    "one of an owner": lambda customer, paid, card: Customer.create(
        "b@example.com", owner=get_user_model().objects.get(), one_per_owner=True
    ),
    "one of an owner with a card": lambda customer, paid, card: Customer.create(
        "b@example.com", owner=get_user_model().objects.get(), one_per_owner=True, **card
    ),
    "add a card": lambda customer, paid, card: _fresh(customer).add_card(
        number=NUMBERS[1], month=12, year=2060
    ),
    "choose a default": lambda customer, paid, card: choose(customer.cards[1].pk),
}
#: What the second one may get, where it does not get what the first one made.
TOLD = {
    # It is found; a row that the snapshot does not show gets no card.
    "one of an owner with a card": {"duplicate_card", *BUSY},
    "add a card": {"duplicate_card"},
    # It has to begin again, and nothing was sent for it.
    "choose a default": {"not_sent"},
}


@pytest.mark.autonomous
@pytest.mark.parametrize("what", BLIND)
def test_a_rival_that_the_snapshot_does_not_show(
    what: str, isolation: str, gateway: RecordingGateway, make_customer: Any, card: dict[str, Any]
) -> None:
    if VENDOR == "mariadb" and isolation == "serializable":
        pytest.skip("there each SELECT takes locks that the rival would wait for")
    get_user_model().objects.create(username="ann")
    customer = make_customer()
    customer.add_card(number=NUMBERS[0], month=12, year=2060)
    paid = customer.charge(5)
    gateway.bank.settle_batch()
    act = partial(BLIND[what], customer, paid, card)
    asked = 0
    told = ""
    try:
        with transaction.atomic():
            assert Customer.objects.count() == 1  # the snapshot begins
            (first,) = at_once(act)
            asked = gateway.mark
            second = act()
    except DineroError as error:
        told = error.code
    assert not isinstance(first, str)
    if told:
        # At SERIALIZABLE the database may end any transaction that has rivals.
        ended = {"not_sent"} if isolation == "serializable" else set()
        assert told in TOLD.get(what, set()) | ended
    else:
        assert second == first
    moved = {"charge", "refund", "create_customer"}
    assert moved.isdisjoint(gateway.since(asked))


@pytest.mark.autonomous
def test_an_operation_that_a_rival_has_ended(
    isolation: str, gateway: RecordingGateway, make_customer: Any
) -> None:
    if VENDOR == "mariadb" and isolation == "serializable":
        pytest.skip("there each SELECT takes locks that the rival would wait for")
    customer = make_customer()
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown) as lost:
        customer.charge(5)
    assert lost.value.operation is not None
    pk = lost.value.operation.pk
    told = ""
    try:
        with transaction.atomic():
            stale = Operation.objects.get(pk=pk)
            at_once(lambda: Operation.objects.get(pk=pk).look_up())
            stale.look_up()
    except DineroError as error:
        told = error.code
    # In an older snapshot its row cannot be written, nor seen. The rival has told the end.
    assert told == "" if not isolation else told in {"", "outcome_unknown"}
    assert Operation.objects.get(pk=pk).state == "succeeded"
    assert Transaction.objects.count() == len(gateway.bank.transactions()) == 1


#: What a rival does, and what must not follow then under another key.
FOLLOWED: dict[str, tuple[Follow, Follow]] = {
    "a refund of the whole twice": (Transaction.refund, Transaction.refund),
    "a capture twice": (Transaction.capture, Transaction.capture),
    "a capture after a void": (Transaction.void, Transaction.capture),
    "a void twice": (Transaction.void, Transaction.void),
}


@pytest.mark.autonomous
@pytest.mark.parametrize("what", FOLLOWED)
def test_what_a_rival_did_counts_though_the_snapshot_does_not_show_it(
    what: str, isolation: str, gateway: RecordingGateway, make_customer: Any
) -> None:
    if VENDOR == "mariadb" and isolation == "serializable":
        pytest.skip("there each SELECT takes locks that the rival would wait for")
    first, second = FOLLOWED[what]
    customer = make_customer()
    paid = customer.charge(5, settle=first is Transaction.refund)
    gateway.bank.settle_batch()
    with pytest.raises(DineroError) as refused, transaction.atomic():
        assert Transaction.objects.count() == 1  # the snapshot begins
        (made,) = at_once(lambda: first(_fresh(paid), idempotency_key="k-1"))
        assert not isinstance(made, str)
        asked = gateway.mark
        second(_fresh(paid), idempotency_key="k-2")
    ended = {"not_sent"} if isolation == "serializable" else set()
    assert refused.value.code in {"refund_refused", "invalid_transaction", *ended}
    assert {"refund", "capture", "void"}.isdisjoint(gateway.since(asked))
