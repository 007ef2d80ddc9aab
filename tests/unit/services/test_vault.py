"""Customers and cards: what is pushed, when, how often, and what is refused before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from django_dinero import signals
from django_dinero.exceptions import (
    CardDeclinedError,
    CustomerNotFoundError,
    DineroError,
    DuplicateCardError,
    GatewayError,
    InvalidCardError,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, ReasonKind, Refusal
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.services.lookup import resolve
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

Make = Callable[..., Customer]
REFUSED = Refusal((Reason(ReasonKind.GATEWAY_ERROR, "E1", "not today"),))

pytestmark = pytest.mark.django_db


# -- Creating --------------------------------------------------------------------------------------


def test_a_customer_is_created_with_a_card_in_one_call(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer(first_name="Bill", last_name="Smith")
    assert gateway.verbs == ["create_customer"]
    card = customer.cards[0]
    assert (customer.sync_state, card.sync_state) == ("synced", "synced")
    assert (card.last_4, card.brand, card.month, card.year) == ("1111", "visa", 12, 2030)
    assert (card.first_name, card.address, card.zip) == ("Bill", "123 Elm St", "12345")
    assert card.customer_id == customer.customer_id
    assert card.customer_pk == customer.pk
    assert card.is_default
    assert customer.card_id == card.card_id


def test_a_card_is_optional(gateway: RecordingGateway) -> None:
    customer = Customer.create("no-card@example.com")
    assert customer.customer_id
    assert (customer.card_id, len(customer.cards), bool(customer.cards)) == (None, 0, False)


def test_a_customer_is_created_from_a_token(gateway: RecordingGateway) -> None:
    token = gateway.bank.mint_token("4111111111111111", month=12, year=2030)
    customer = Customer.create("token@example.com", token=token, zip="12345")
    card = customer.cards[0]
    assert (card.last_4, card.month, card.year, card.zip) == ("1111", 12, 2030, "12345")


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"number": "4111111111111112", "month": 13, "year": 2030}, {"number", "month"}),
        ({"number": "4111111111111111", "cvv": "12345"}, {"cvv"}),
        ({"number": "4111111111111111", "month": 1, "year": 2020}, {"year"}),
        ({"number": "4111111111111111", "address": "a\x00", "city": "\ud800"}, {"address", "city"}),
        ({"email": "nobody"}, {"email"}),
        ({"email": ""}, {"email"}),
        ({"address": "123 Elm St"}, {"number"}),
        ({"first_name": "4111 1111 1111 1111"}, {"first_name"}),
        ({"gateway_name": "nowhere"}, {"gateway_name"}),
    ],
)
def test_bad_input_is_named_and_leaves_nothing(
    gateway: RecordingGateway, given: dict[str, Any], fields: set[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Customer.create(**{"email": "bill@example.com", **given})
    assert set(caught.value.errors) == fields
    assert gateway.calls == []
    assert (Customer.objects.count(), Operation.objects.count()) == (0, 0)


def test_an_unknown_argument_lists_the_accepted_ones(gateway: RecordingGateway) -> None:
    with pytest.raises(TypeError, match=r"nmuber.*Accepted: .*number"):
        Customer.create("bill@example.com", nmuber="4111111111111111")


def test_a_refused_card_stores_nothing(gateway: RecordingGateway, make_customer: Make) -> None:
    gateway.faults["create_customer"] = answer(
        Refusal((Reason(ReasonKind.CARD_DECLINED, "2", "declined"),))
    )
    with pytest.raises(CardDeclinedError) as caught:
        make_customer()
    assert Customer.objects.count() == 0
    assert caught.value.operation.state == "declined"


def test_a_lost_reply_is_found_by_our_key(gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_reply
    customer = Customer(email="lost@example.com")
    with pytest.raises(OutcomeUnknown):
        customer.save()
    assert (customer.customer_id, customer.sync_state) == (None, "error")
    customer.save()
    assert customer.customer_id
    assert customer.sync_state == "synced"
    assert gateway.verbs.count("create_customer") == 1
    assert len(list(gateway.iter_customers())) == 1


# -- Saving ----------------------------------------------------------------------------------------


def test_a_change_is_pushed_once(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    mark = gateway.mark
    customer.email = "fred@example.com"
    customer.save()
    customer.save()
    assert gateway.since(mark) == ["update_customer"]
    assert gateway.retrieve_customer(customer.customer_id or "").email == "fred@example.com"  # type: ignore[union-attr]


def test_only_mirrored_fields_push(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    owner = get_user_model().objects.create(username="bill")
    mark = gateway.mark
    customer.owner = owner
    customer.email = "local@example.com"
    customer.save(update_fields=["owner"])
    assert gateway.since(mark) == []
    customer.save(update_fields=["email"])
    assert gateway.since(mark) == ["update_customer"]


def test_a_card_is_edited(gateway: RecordingGateway, make_customer: Make) -> None:
    card = make_customer().cards[0]
    mark = gateway.mark
    card.first_name, card.month, card.year = "Fred", 1, 2031
    card.save()
    assert gateway.since(mark) == ["update_card"]
    assert card.sync_state == "synced"
    remote = gateway.retrieve_customer(card.customer_id)
    shown = remote.cards[0]  # type: ignore[union-attr]
    assert (shown.address.first_name, shown.month, shown.year) == ("Fred", 1, 2031)


def test_a_stale_instance_does_not_hide_what_it_writes(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    stale = Customer.objects.get(pk=customer.pk)
    customer.email = "new@example.com"
    customer.save()
    stale.save()
    remote = gateway.retrieve_customer(customer.customer_id or "")
    assert remote.email == stale.email == Customer.objects.get(pk=customer.pk).email  # type: ignore[union-attr]


def test_a_refusal_is_raised_and_the_new_values_stay(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["update_customer"] = answer(REFUSED)
    customer.email = "fred@example.com"
    with pytest.raises(GatewayError, match="not today"):
        customer.save()
    row = Customer.objects.get(pk=customer.pk)
    assert (row.email, row.sync_state, row.sync_error) == ("fred@example.com", "error", "not today")
    assert customer.sync_state == "error"
    row.save()
    assert (row.sync_state, row.sync_error) == ("synced", "")


def test_what_we_refuse_leaves_the_row_as_it_was(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    mark = gateway.mark
    customer.email = "x" * 300
    with pytest.raises(InvalidInput) as caught:
        customer.save()
    assert "email" in caught.value.errors
    card = customer.cards[0]
    card.month, card.year = 13, 2030
    with pytest.raises(InvalidInput):
        card.save()
    assert Customer.objects.get(pk=customer.pk).email == "bill@example.com"
    assert gateway.since(mark) == []


def test_update_or_create_pushes_and_raises(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    mark = gateway.mark
    Customer.objects.update_or_create(pk=customer.pk, defaults={"email": "uoc@example.com"})
    assert gateway.since(mark) == ["update_customer"]
    gateway.faults["update_customer"] = answer(REFUSED)
    with pytest.raises(GatewayError):
        Customer.objects.update_or_create(pk=customer.pk, defaults={"email": "no@example.com"})


def test_update_and_bulk_update_mark_instead_of_drifting(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Customer.objects.filter(pk=customer.pk).update(email="drift@example.com")
    customer.refresh_from_db()
    assert customer.sync_state == "pending"
    customer.save()
    assert customer.sync_state == "synced"
    card = customer.cards[0]
    card.city = "Springfield"
    CreditCard.objects.bulk_update([card], ["city"])
    card.refresh_from_db()
    assert card.sync_state == "pending"
    Customer.objects.filter(pk=customer.pk).update(owner=None)
    customer.refresh_from_db()
    assert customer.sync_state == "synced"


def test_a_fixture_pushes_nothing(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    dump = serializers.serialize("json", [customer, *customer.cards.all()])
    mark = gateway.mark
    for item in serializers.deserialize("json", dump.replace("bill@", "fixture@")):
        item.save()
    assert gateway.since(mark) == []


def test_a_push_that_was_not_sent_waits(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    gateway.faults["update_customer"] = refuse_connection
    customer.email = "later@example.com"
    with pytest.raises(NotSent):
        customer.save()
    customer.save()
    assert customer.sync_state == "synced"


def test_users_hear_of_pushes(gateway: RecordingGateway, make_customer: Make) -> None:
    heard: list[str] = []

    def pushed(customer: Customer, created: bool, **kwargs: Any) -> None:
        heard.append(f"pushed {customer.email} {created}")

    def failed(instance: Customer, error: DineroError, **kwargs: Any) -> None:
        heard.append(f"failed {instance.email} {error.code}")

    signals.customer_pushed.connect(pushed)
    signals.push_failed.connect(failed)
    try:
        customer = make_customer()
        gateway.faults["update_customer"] = answer(REFUSED)
        customer.email = "fred@example.com"
        with pytest.raises(GatewayError):
            customer.save()
    finally:
        signals.customer_pushed.disconnect(pushed)
        signals.push_failed.disconnect(failed)
    assert heard == ["pushed bill@example.com True", "failed fred@example.com gateway_error"]


# -- Cards -----------------------------------------------------------------------------------------


def test_a_second_card_is_seen_at_once(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = Customer.objects.prefetch_related("cards").get(pk=make_customer().pk)
    assert len(customer.cards) == 1
    card = customer.add_card(first_name="John", number="4222222222222", month="1", year="31")
    assert (card.last_4, card.month, card.year) == ("2222", 1, 2031)
    assert not card.is_default
    assert customer.cards[-1] == card
    assert [c.pk for c in customer.cards] == [c.pk for c in customer.cards.all()]


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
        customer.add_card(nmuber="4111111111111111")


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
    gateway: RecordingGateway, make_customer: Make, card: dict[str, str]
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
    prefetched = Customer.objects.prefetch_related("cards").get(pk=customer.pk)
    with django_assert_num_queries(0):
        assert list(prefetched.cards) == [prefetched.cards[0]]
        assert prefetched.card_id


# -- Retrieving ------------------------------------------------------------------------------------


def test_retrieve_mirrors_what_the_gateway_has(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer(first_name="Bill")
    customer.add_card(number="4222222222222")
    remote_id = customer.customer_id or ""
    CreditCard.objects.all()._raw_delete("default")
    Customer.objects.all()._raw_delete("default")
    mark = gateway.mark
    found = Customer.retrieve(remote_id)
    assert (found.email, found.first_name) == ("bill@example.com", "Bill")
    assert [card.last_4 for card in found.cards] == ["1111", "2222"]
    assert found.sync_state == "synced"
    found.save()
    for card in found.cards:
        card.save()
    assert gateway.since(mark) == ["retrieve_customer"]


def test_retrieve_keeps_edits_and_marks_vanished_cards(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    second = customer.add_card(number="4222222222222")
    Customer.objects.filter(pk=customer.pk).update(email="edited@example.com")
    gateway.delete_card(second.customer_id, second.card_id)
    found = Customer.retrieve(customer.customer_id or "")
    assert (found.email, found.sync_state) == ("edited@example.com", "pending")
    second.refresh_from_db()
    assert second.sync_state == "missing"
    with pytest.raises(InvalidInput):
        Transaction.create(5, card=second)


@pytest.mark.parametrize("cards", [0, 1, 5])
def test_retrieve_costs_the_same_for_any_number_of_cards(
    gateway: RecordingGateway,
    make_customer: Make,
    cards: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    customer = make_customer()
    for number in ["4222222222222", "4007000000027", "4012888818888", "5424000000000015"][:cards]:
        customer.add_card(number=number)
    CreditCard.objects.all()._raw_delete("default")
    # Before the call: customer, cards, newest delete. After it: deletes that wait, customer, cards
    # and the insert of cards, in a savepoint.
    with django_assert_num_queries(9):
        Customer.retrieve(customer.customer_id or "")


def test_retrieve_of_an_unknown_id_is_told(gateway: RecordingGateway) -> None:
    with pytest.raises(CustomerNotFoundError):
        Customer.retrieve("999999999")


def test_retrieve_adopts_a_customer_whose_creation_got_no_reply(
    gateway: RecordingGateway,
) -> None:
    gateway.faults["create_customer"] = lose_reply
    customer = Customer(email="lost@example.com")
    with pytest.raises(OutcomeUnknown):
        customer.save()
    remote = next(iter(gateway.iter_customers()))
    assert Customer.retrieve(remote.customer_id).pk == customer.pk
    assert Customer.objects.count() == 1


# -- Deleting --------------------------------------------------------------------------------------


def test_a_card_is_deleted_on_both_sides(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    row = Transaction.create(5, customer=customer)
    customer.cards[0].delete()
    remote = gateway.retrieve_customer(customer.customer_id or "")
    assert remote.cards == ()  # type: ignore[union-attr]
    row.refresh_from_db()
    assert (row.card, row.last_4) == (None, "1111")
    assert row.card_id


@pytest.mark.parametrize("how", ["instance", "queryset", "owner"])
def test_a_customer_takes_the_cards_along(
    gateway: RecordingGateway, make_customer: Make, how: str
) -> None:
    owner = get_user_model().objects.create(username="bill")
    customer = make_customer(owner=owner)
    customer.add_card(number="4222222222222")
    mark = gateway.mark
    if how == "instance":
        customer.delete()
    elif how == "queryset":
        Customer.objects.all().delete()
    else:
        owner.delete()
    assert gateway.since(mark) == ["delete_customer"]
    assert (Customer.objects.count(), CreditCard.objects.count()) == (0, 0)
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}


def test_gone_already_is_a_success(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    gateway.delete_customer(customer.customer_id or "")
    customer.delete()
    assert Customer.objects.count() == 0


def test_a_rolled_back_delete_deletes_nothing(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    mark = gateway.mark
    with pytest.raises(RuntimeError), transaction.atomic():
        Customer.objects.all().delete()
        raise RuntimeError("the view broke")
    assert gateway.since(mark) == []
    assert Customer.objects.get() == customer
    assert Operation.objects.filter(kind__startswith="delete").count() == 0


def test_several_refusals_come_together_after_all_ran(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    for n in range(3):
        make_customer(email=f"c{n}@example.com")
    refuse = answer(REFUSED)

    def twice(call: Callable[[], Any]) -> Any:
        gateway.faults["delete_customer"] = refuse
        return REFUSED

    gateway.faults["delete_customer"] = twice
    with pytest.raises(ExceptionGroup) as caught:
        Customer.objects.all().delete()
    assert len(caught.value.exceptions) == 2
    assert gateway.verbs.count("delete_customer") == 3
    assert Customer.objects.count() == 0


def test_a_delete_that_was_not_sent_leaves_a_new_tombstone(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    gateway.faults["delete_customer"] = refuse_connection
    with pytest.raises(NotSent):
        customer.delete()
    states = Operation.objects.filter(kind="delete_customer").values_list("state", flat=True)
    assert sorted(states) == ["failed", "new"]


def test_a_lost_request_leaves_the_customer_unpushed(gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_request
    customer = Customer(email="lost@example.com")
    with pytest.raises(OutcomeUnknown):
        customer.save()
    with pytest.raises(OutcomeUnknown):
        customer.save()
    assert gateway.verbs.count("create_customer") == 1


def test_an_edit_after_a_lost_creation_is_pushed(gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_reply
    customer = Customer(email="bill@example.com")
    with pytest.raises(OutcomeUnknown):
        customer.save()
    customer = Customer.objects.get()
    customer.email = "fred@example.com"
    customer.save()
    customer.refresh_from_db()
    assert customer.sync_state == "synced"
    assert [each.email for each in gateway.bank.customers()] == ["fred@example.com"]


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
    assert resolve(operation).state == "succeeded"
    assert [card.last_4 for card in customer.cards] == ["1111", "0027"]


def test_a_card_that_is_found_on_the_way_is_no_match_of_the_next(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    for zip_code in ("11111", "22222"):
        gateway.faults["add_card"] = lose_reply
        with pytest.raises(OutcomeUnknown):
            customer.add_card(number="4111111111111111", zip=zip_code)
    assert resolve(Operation.objects.filter(kind="add_card").latest("pk")).state == "succeeded"
    assert [card.zip for card in customer.cards] == ["12345", "11111", "22222"]
