"""One idempotency key is one customer, whatever became of the first answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, OperationalError, transaction

from django_dinero.exceptions import (
    CVVError,
    IdempotencyKeyReused,
    InvalidInput,
    NotSent,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.services.vault import push
from tests.support.racing import before_statement
from tests.support.recording import (
    RecordingGateway,
    answer,
    lose_reply,
    lose_request,
    refuse_connection,
)

pytestmark = pytest.mark.django_db

KEY = "order-1042-customer"
Create = Callable[..., Customer]


@pytest.fixture(params=["with a card", "without"])
def create(request: pytest.FixtureRequest, gateway: RecordingGateway, card: dict[str, Any]) -> Any:
    """Creates the customer of one key, with and without a card."""
    given = card if request.param == "with a card" else {}

    def make(**more: Any) -> Customer:
        values: dict[str, Any] = {"email": "bill@example.com", "idempotency_key": KEY, **given}
        return Customer.create(**{**values, **more})

    return make


def test_a_creation_that_the_database_fails_keeps_nobody_waiting(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    def fail() -> None:
        raise OperationalError

    looks = (lambda: None, fail)
    with (
        before_statement("SELECT dinero_customer.id", *looks),
        pytest.raises(NotSent),
    ):
        Customer.create("bill@example.com", idempotency_key=KEY, **card)
    assert Operation.objects.get().state == "failed"
    assert gateway.verbs == []


def test_the_same_key_brings_the_same_customer(create: Create, gateway: RecordingGateway) -> None:
    first = create()
    assert create() == first
    assert gateway.verbs == ["create_customer"]
    assert Customer.objects.count() == 1
    other = create(idempotency_key="order-1043-customer")
    scoped = create(scope="user:7")
    assert len({first.pk, other.pk, scoped.pk}) == 3


def rotate(settings: Any) -> None:
    """Change the project's secret, as Django's documentation says."""
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"


def test_a_changed_secret_key_makes_no_second_customer(
    create: Create, gateway: RecordingGateway, settings: Any
) -> None:
    first = create()
    rotate(settings)
    assert create() == first
    assert create(idempotency_key="order-1043-customer") != first
    assert gateway.verbs == ["create_customer"] * 2


def test_a_lost_reply_is_found_under_a_changed_secret_key(
    create: Create, gateway: RecordingGateway, settings: Any
) -> None:
    """Its operation names the customer; there is no row yet."""
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        create()
    Customer.objects.all()._raw_delete("default")
    rotate(settings)
    assert create().customer_id in {each.id for each in gateway.bank.customers()}
    assert len(gateway.bank.customers()) == 1


def test_without_a_key_each_call_makes_one(gateway: RecordingGateway) -> None:
    customers = [Customer.create("bill@example.com") for _n in range(2)]
    assert len({customer.customer_key for customer in customers}) == 2


@pytest.mark.parametrize("key", ["with a blank in it", 12345678, ""])
def test_a_key_of_another_form_is_refused(
    create: Create, gateway: RecordingGateway, key: Any
) -> None:
    with pytest.raises(InvalidInput) as caught:
        create(idempotency_key=key)
    assert set(caught.value.errors) == {"idempotency_key"}
    assert gateway.verbs == []


@pytest.mark.parametrize(
    "other",
    [
        {"email": "ann@example.com"},
        {"first_name": "Ann"},
        {"last_name": "Lee"},
        {"number": "5424000000000015"},
        {"token": "tok-1", "number": None, "cvv": None, "month": None, "year": None},
    ],
)
def test_the_same_key_with_other_values_is_refused(
    gateway: RecordingGateway, card: dict[str, Any], other: dict[str, Any]
) -> None:
    Customer.create("bill@example.com", idempotency_key=KEY)
    asked = gateway.mark
    given = {"email": "bill@example.com", **other}
    if given.get("number"):
        given = {**card, **given}
    with pytest.raises(IdempotencyKeyReused):
        Customer.create(**given, idempotency_key=KEY)
    assert gateway.since(asked) == []


def test_the_same_key_is_no_way_to_anothers_customer(create: Create) -> None:
    users = get_user_model().objects
    create(owner=users.create_user("ann"))
    with pytest.raises(IdempotencyKeyReused):
        create(owner=users.create_user("bob"))


def test_a_lost_reply_is_found(create: Create, gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        create()
    found = create()
    assert gateway.verbs.count("create_customer") == 1
    assert [stored.id for stored in gateway.bank.customers()] == [found.customer_id]
    assert found.cards.count() == len(gateway.bank.customers()[0].cards)
    assert create() == found


def test_a_lost_request_stays_unknown(create: Create, gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = lose_request
    for _attempt in range(3):
        with pytest.raises(OutcomeUnknown):
            create()
    assert gateway.verbs.count("create_customer") == 1


def test_what_was_not_sent_is_sent(create: Create, gateway: RecordingGateway) -> None:
    gateway.faults["create_customer"] = refuse_connection
    with pytest.raises(NotSent):
        create()
    made = create()
    assert made.customer_id
    assert (Customer.objects.count(), len(gateway.bank.customers())) == (1, 1)


def test_a_refused_card_leaves_the_key_for_another(
    gateway: RecordingGateway, card: dict[str, Any]
) -> None:
    for cvv in ("901", "900"):  # the first of which the test bank refuses
        values = {"email": "bill@example.com", **card, "cvv": cvv}
        if cvv == "901":
            with pytest.raises(CVVError):
                Customer.create(**values, idempotency_key=KEY)
        else:
            assert len(Customer.create(**values, idempotency_key=KEY).cards) == 1
    assert Customer.objects.count() == 1


def test_while_the_first_runs_a_second_waits(create: Create, gateway: RecordingGateway) -> None:
    refused: list[Exception] = []

    def ask_again(call: Callable[[], Any]) -> Any:
        with pytest.raises(OperationInProgress) as caught:
            create()
        refused.append(caught.value)
        return call()

    gateway.faults["create_customer"] = ask_again
    create()
    assert len(refused) == 1
    assert gateway.verbs.count("create_customer") == 1


def test_a_rival_that_has_the_row_and_is_not_through(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_progress(row: Customer) -> None:
        raise OperationInProgress("somebody else pushes it")

    with monkeypatch.context() as patch:
        patch.setattr(push, "_send_customer", in_progress)
        row = Customer.create("bill@example.com", idempotency_key=KEY)
        with pytest.raises(OperationInProgress):
            Customer.create("bill@example.com", idempotency_key=KEY)
    made = Customer.create("bill@example.com", idempotency_key=KEY)
    assert made == row
    assert made.customer_id is not None
    assert gateway.verbs == ["create_customer"]


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_in_a_transaction_both_wait_for_the_commit(gateway: RecordingGateway) -> None:
    with transaction.atomic():
        rows = [Customer.create("bill@example.com", idempotency_key=KEY) for _n in range(2)]
        assert rows[0] == rows[1]
        assert gateway.verbs == []
    assert gateway.verbs == ["create_customer"]
    assert Customer.objects.get().customer_id is not None


def test_a_rival_that_ended_between_our_look_and_our_call(
    create: Create, gateway: RecordingGateway
) -> None:
    with before_statement("SAVEPOINT", create):
        second = create()
    (first,) = Customer.objects.all()
    assert second == first
    assert gateway.verbs == ["create_customer"]
    assert not Operation.objects.filter(held_lock__isnull=False).exists()
    assert CreditCard.objects.count() == len(first.cards)


@pytest.mark.parametrize("other", [{"number": "5424000000000015"}, {"first_name": "Ann"}])
def test_a_rival_with_other_values_that_ended_between_our_look_and_our_call_is_refused(
    gateway: RecordingGateway, card: dict[str, Any], other: dict[str, Any]
) -> None:
    def make(**more: Any) -> Customer:
        return Customer.create("bill@example.com", idempotency_key=KEY, **{**card, **more})

    with before_statement("SAVEPOINT", make), pytest.raises(IdempotencyKeyReused):
        make(**other)
    assert gateway.verbs == ["create_customer"]
    assert not Operation.objects.filter(held_lock__isnull=False).exists()


def test_another_broken_constraint_is_not_taken_for_a_rival(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Customer, *args: Any, **kwargs: Any) -> None:
        raise IntegrityError("something else")

    monkeypatch.setattr(Customer, "save", broken)
    for key in (KEY, None):
        with pytest.raises(IntegrityError, match="something else"):
            Customer.create("bill@example.com", idempotency_key=key)


def test_a_backend_that_breaks_while_it_shows_a_duplicate_tells_nothing_of_itself(
    gateway: RecordingGateway, create: Create
) -> None:
    def break_off(call: Callable[[], Any]) -> Any:
        raise KeyError("paymentProfiles")

    create()
    CreditCard.objects.all()._raw_delete("default")
    Customer.objects.all()._raw_delete("default")
    gateway.faults["retrieve_customer"] = break_off
    with pytest.raises(OutcomeUnknown, match="KeyError"):
        create()
    assert Operation.objects.latest("pk").state == "unknown"


def test_a_duplicate_that_is_shown_as_nothing_is_no_refusal(
    gateway: RecordingGateway, create: Create
) -> None:
    create()
    CreditCard.objects.all()._raw_delete("default")
    Customer.objects.all()._raw_delete("default")
    gateway.faults["retrieve_customer"] = answer(None)
    with pytest.raises(OutcomeUnknown, match="TypeError"):
        create()
    assert Operation.objects.latest("pk").state == "unknown"
