"""Customers: what is pushed, when, how often, and what is refused before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import serializers

from django_dinero import signals
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import (
    CardDeclinedError,
    DineroError,
    GatewayError,
    InvalidInput,
    NotSent,
    OutcomeUnknown,
)
from django_dinero.gateways.types import Reason, Refusal
from django_dinero.models import CreditCard, Customer, Operation
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
        Customer.create("bill@example.com", nmuber="4111111111111111")  # type: ignore[call-arg]


def test_a_refused_card_stores_nothing(gateway: RecordingGateway, make_customer: Make) -> None:
    gateway.faults["create_customer"] = answer(
        Refusal((Reason(ReasonKind.CARD_DECLINED, "2", "declined"),))
    )
    with pytest.raises(CardDeclinedError) as caught:
        make_customer()
    assert Customer.objects.count() == 0
    assert caught.value.operation.state == "declined"
    assert (caught.value.gateway_name, caught.value.gateway_code) == ("default", "2")


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
