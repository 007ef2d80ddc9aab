"""Cards that arrive with a number, and the list of them that a customer has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.template import Context, Template
from pytest_django import DjangoAssertNumQueries

from django_dinero import signals
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    DuplicateCardError,
    GatewayError,
    InvalidCardError,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.recovery.lookup import look_up
from tests.support.cards import SECOND
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    refuse_connection,
)

Make = Callable[..., Customer]
REFUSED = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "not today"),))

pytestmark = pytest.mark.django_db


# -- Cards -----------------------------------------------------------------------------------------


def test_a_second_card_is_seen_at_once(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = Customer.objects.prefetch_related("cards").get(pk=make_customer().pk)
    assert len(customer.cards) == 1
    card = customer.add_card(first_name="John", number="4222222222222", month="1", year="31")
    assert (card.last_4, card.month, card.year) == ("2222", 1, 2031)
    assert not card.is_default
    assert customer.cards[-1] == card
    assert [c.pk for c in customer.cards] == [c.pk for c in customer.cards.all()]


def test_a_deleted_card_is_gone_at_once(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = Customer.objects.prefetch_related("cards").get(pk=make_customer().pk)
    customer.cards[0].delete()
    assert not customer.cards


def test_what_was_stored_is_ended(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    row = customer.add_card(number="4222222222222")
    row.number = "4007000000027"
    row.save()
    for operation in Operation.objects.all():
        assert (operation.state, operation.held_lock) == ("succeeded", None)
        assert operation.customer_id == customer.customer_id
    added = Operation.objects.get(kind="add_card")
    assert added.card_id == row.card_id
    assert row.answer is None


def test_a_card_without_a_customer_at_the_gateway_brings_it_along(
    gateway: RecordingGateway,
) -> None:
    with transaction.atomic():
        customer = Customer(email="waiting@example.com")
        customer.save()
        card = customer.add_card(number="4111111111111111")
        assert gateway.verbs == ["create_customer", "add_card"]
        assert card.customer_id == customer.customer_id
    assert gateway.verbs == ["create_customer", "add_card"]


def test_a_number_is_required(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    with pytest.raises(InvalidCardError):
        customer.add_card(first_name="John")
    with pytest.raises(TypeError, match="Accepted"):
        customer.add_card(nmuber="4111111111111111")  # type: ignore[call-arg]


def test_a_card_is_given_a_new_number(gateway: RecordingGateway, make_customer: Make) -> None:
    card = make_customer().cards[0]
    mark = gateway.mark
    card.number = "4007000000027"
    card.save()
    assert gateway.since(mark) == ["update_card"]
    assert (card.last_4, card.number, card.sync_state) == ("0027", None, "synced")
    card.save()
    assert gateway.since(mark) == ["update_card"]


def test_the_same_card_twice_names_the_first(
    gateway: RecordingGateway, make_customer: Make, card: dict[str, Any]
) -> None:
    customer = make_customer()
    with pytest.raises(DuplicateCardError) as caught:
        customer.add_card(**card)
    assert caught.value.card_id == customer.card_id
    assert len(customer.cards) == 1


def test_the_default_moves(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    first = customer.cards[0]
    second = customer.add_card(number="4222222222222", is_default=True)
    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)
    assert customer.card_id == second.card_id
    mark = gateway.mark
    first.save()
    assert gateway.since(mark) == []


def test_a_lost_card_is_found_when_the_next_is_added(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["add_card"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.add_card(number="4222222222222")
    customer.add_card(number="4007000000027")
    assert sorted(card.last_4 for card in customer.cards) == ["0027", "1111", "2222"]


# -- Looking at cards ------------------------------------------------------------------------------


def test_a_loop_costs_one_query(
    make_customer: Make, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    customer = make_customer()
    for look in (list, len, bool, lambda cards: cards[0], lambda cards: cards[-1]):
        with django_assert_num_queries(1):
            assert look(customer.cards)
    customer.add_card(number="4222222222222")
    for tag, shown in (("", "1111 2222 "), ("reversed", "2222 1111 ")):
        loop = "{% for c in x.cards " + tag + " %}{{ c.last_4 }} {% endfor %}"
        with django_assert_num_queries(1):
            assert Template(loop).render(Context({"x": customer})) == shown
    with django_assert_num_queries(1):
        assert Template("{{ x.cards.1.last_4 }}").render(Context({"x": customer})) == "2222"
    with django_assert_num_queries(1):
        assert [card.last_4 for card in reversed(customer.cards)] == ["2222", "1111"]
    prefetched = Customer.objects.prefetch_related("cards").get(pk=customer.pk)
    with django_assert_num_queries(0):
        assert list(prefetched.cards) == [prefetched.cards[0], prefetched.cards[-1]]
        assert prefetched.card_id


def test_a_card_is_recorded_with_its_row_or_not_at_all(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = make_customer()

    def dies(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt  # between the gateway's answer and the row

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CreditCard, "save_base", dies)
        customer.add_card(number="4007000000027")
    operation = Operation.objects.get(kind="add_card")
    assert operation.state == "sent"
    Operation.objects.update(lease_until="2020-01-01T00:00:00Z")
    assert look_up(operation).state == "succeeded"
    assert [card.last_4 for card in customer.cards] == ["1111", "0027"]


def test_a_card_that_is_found_on_the_way_is_no_match_of_the_next(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    for zip_code in ("11111", "22222"):
        gateway.faults["add_card"] = lose_reply
        with pytest.raises(OutcomeUnknown):
            customer.add_card(number="4111111111111111", zip=zip_code)
    assert look_up(Operation.objects.filter(kind="add_card").latest("pk")).state == "succeeded"
    assert [card.zip for card in customer.cards] == ["12345", "11111", "22222"]


# -- Rolled back, or without an answer -------------------------------------------------------------


def test_a_number_that_was_replaced_in_a_rolled_back_transaction_comes_back(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    with pytest.raises(KeyError), transaction.atomic():
        row.number = "4007000000027"
        row.save()
        raise KeyError
    assert CreditCard.objects.get().last_4 == "1111"
    assert Customer.retrieve(row.customer_id).cards[0].last_4 == "0027"


def test_a_card_that_was_added_in_a_rolled_back_transaction_is_found_at_its_customer(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    with pytest.raises(KeyError), transaction.atomic():
        customer.add_card(number="4007000000027", is_default=True)
        raise KeyError
    assert len(customer.cards) == 1
    found = Customer.retrieve(customer.customer_id or "")
    assert [card.last_4 for card in found.cards] == ["1111", "0027"]
    assert found.default_card == found.cards[1]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_a_customer_that_was_created_in_a_rolled_back_transaction_is_found_by_our_key(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    with pytest.raises(KeyError), transaction.atomic():
        customer = make_customer()
        raise KeyError
    assert not Customer.objects.exists()
    found = Customer.retrieve(next(iter(gateway.iter_customers())).customer_id)
    assert (found.customer_key, len(found.cards)) == (customer.customer_key, 1)


def test_a_new_number_whose_answer_was_lost_is_shown_once_it_cannot_land_any_more(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    gateway.faults["update_card"] = lose_reply
    row.number = "4007000000027"
    with pytest.raises(OutcomeUnknown):
        row.save()
    operation = Operation.objects.get(kind="update_card")
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")
    gateway.faults["retrieve_customer"] = refuse_connection
    assert look_up(operation).state == "unknown"
    assert operation.outcome["lookup"] == "connection refused"
    assert look_up(operation).state == "absent"
    assert CreditCard.objects.get().last_4 == "0027"


def test_a_lost_new_number_of_a_card_that_was_deleted_since_is_of_no_interest(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    row = customer.cards[0]
    gateway.faults["update_card"] = lose_reply
    row.number = "4007000000027"
    with pytest.raises(OutcomeUnknown):
        row.save()
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    Operation.objects.update(quarantine_until="2020-01-01T00:00:00Z")
    assert look_up(Operation.objects.get(kind="update_card")).state == "absent"
    assert not CreditCard.objects.exists()


# -- Signals ---------------------------------------------------------------------------------------


@pytest.fixture
def heard() -> Iterator[list[tuple[str, bool, str]]]:
    """What each ``card_pushed`` said: the card's last digits, ``created``, the row's sync state."""
    heard: list[tuple[str, bool, str]] = []

    def on_pushed(card: CreditCard, created: bool, **kwargs: Any) -> None:
        assert (card.number, card.cvv, card.token) == (None, None, None)
        heard.append((card.last_4, created, card.sync_state))

    signals.card_pushed.connect(on_pushed)
    yield heard
    signals.card_pushed.disconnect(on_pushed)


Heard = list[tuple[str, bool, str]]


def test_an_added_card_and_a_new_number_are_announced(make_customer: Make, heard: Heard) -> None:
    customer = make_customer()
    card = customer.add_card(number="4222222222222", cvv="900")
    card.number, card.cvv = "4007000000027", "900"
    card.save()
    card.zip = "54321"
    card.save()
    assert heard == [
        ("1111", True, "synced"),
        ("2222", True, "synced"),
        ("0027", False, "synced"),
        ("0027", False, "synced"),
    ]


def test_a_refused_card_is_not_announced(
    gateway: RecordingGateway, make_customer: Make, heard: Heard
) -> None:
    customer = make_customer()
    card = customer.cards[0]
    heard.clear()
    gateway.faults["add_card"] = gateway.faults["update_card"] = answer(REFUSED)
    with pytest.raises(GatewayError):
        customer.add_card(number="4222222222222")
    card.number = "4007000000027"
    with pytest.raises(GatewayError):
        card.save()
    assert heard == []


def test_a_card_that_the_gateway_had_before_is_announced_by_the_push_of_its_row(
    gateway: RecordingGateway, make_customer: Make, card: dict[str, Any], heard: Heard
) -> None:
    customer = make_customer()
    CreditCard.objects.all()._raw_delete("default")
    heard.clear()
    customer.add_card(**card)
    assert heard == [("1111", False, "synced")]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_in_the_callers_transaction_a_card_is_announced_after_the_commit(
    make_customer: Make, heard: Heard
) -> None:
    customer = make_customer()
    card = customer.cards[0]
    heard.clear()
    with transaction.atomic():
        customer.add_card(number="4222222222222")
        card.number = "4007000000027"
        card.save()
        assert heard == []
    assert heard == [("2222", True, "synced"), ("0027", False, "synced")]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_a_rolled_back_card_is_not_announced(make_customer: Make, heard: Heard) -> None:
    customer = make_customer()
    heard.clear()
    with pytest.raises(KeyError), transaction.atomic():
        customer.add_card(number="4222222222222")
        raise KeyError
    customer.email = "fred@example.com"
    customer.save()
    assert heard == []


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_a_new_number_in_an_upsert_is_announced_after_its_commit(
    make_customer: Make, heard: Heard
) -> None:
    card = make_customer().cards[0]
    heard.clear()
    number: dict[str, Any] = {"number": "4007000000027"}
    blocks: list[bool] = []

    def on_pushed(**kwargs: Any) -> None:
        blocks.append(connection.in_atomic_block)

    signals.card_pushed.connect(on_pushed)
    try:
        CreditCard.objects.update_or_create(pk=card.pk, defaults=number)
    finally:
        signals.card_pushed.disconnect(on_pushed)
    assert (heard, blocks) == ([("0027", False, "synced")], [False])


def test_a_card_that_was_rolled_back_to_a_savepoint_is_not_announced(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    told: list[Any] = []

    def hear(sender: Any, **given: Any) -> None:
        told.append(given)

    signals.card_pushed.connect(hear)
    try:
        with transaction.atomic():
            customer.first_name = "Other"
            customer.save()
            with pytest.raises(KeyError), transaction.atomic():
                customer.add_card(**SECOND)
                raise KeyError
    finally:
        signals.card_pushed.disconnect(hear)
    assert told == []
