"""Every way through the ORM that changes a row: it is pushed or it waits, it never drifts."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, models, transaction
from django.db.models.signals import ModelSignal, post_save, pre_save
from django.forms import inlineformset_factory
from django.test.utils import isolate_apps

from django_dinero.exceptions import InvalidInput
from django_dinero.models import CreditCard, Customer, Operation
from tests.support import sinks
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, make_customer

__all__ = ["card", "make_customer"]

Make = Callable[..., Customer]

pytestmark = pytest.mark.django_db


with isolate_apps("django_dinero"):  # other tests do not know these models

    class Regular(Customer):
        """A project's own proxy: Django sends it, and not Customer, with every signal."""

        class Meta:
            proxy = True
            app_label = "dinero"

    class Shop(Customer):
        """A project's model with a table of its own beside the customer's."""

        note = models.CharField(max_length=10, blank=True)

        class Meta:
            app_label = "dinero"


@contextmanager
def receiving(signal: ModelSignal, receiver: Callable[..., None]) -> Iterator[None]:
    signal.connect(receiver, sender=Customer)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=Customer)


def email_at(gateway: RecordingGateway, customer: Customer) -> str:
    remote = gateway.bank.customer(customer.customer_id or "")
    return remote.email


# -- Proxies, copies, owners -----------------------------------------------------------------------


def test_a_proxy_is_pushed_and_deleted_as_its_model_is(gateway: RecordingGateway) -> None:
    row = Regular(email="a@example.com")
    row.save()
    Regular.objects.update_or_create(pk=row.pk, defaults={"email": "b@example.com"})
    assert gateway.verbs == ["create_customer", "update_customer"]
    assert Customer.objects.get().sync_state == "synced"
    Regular.objects.all().delete()
    assert gateway.verbs[-1] == "delete_customer"
    assert Operation.objects.filter(kind="delete_customer").count() == 1


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda row: pickle.loads(pickle.dumps(row))],  # noqa: S301
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_copied_instance_is_as_good_as_the_first(
    gateway: RecordingGateway, make_customer: Make, copied: Callable[[Any], Any]
) -> None:
    customer = copied(make_customer())
    customer.email = "copied@example.com"
    customer.save()
    row = copied(customer.cards[0])
    row.zip = "77777"
    row.save()
    assert (customer.sync_state, row.sync_state) == ("synced", "synced")
    assert email_at(gateway, customer) == "copied@example.com"


def test_the_customers_of_a_user_are_pushed_as_others_are(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    user = get_user_model().objects.create(username="bill")
    made = user.dinero_customers.create(email="bill@example.com")
    assert made.sync_state == "synced"
    other = make_customer(email="other@example.com")
    mark = gateway.mark
    user.dinero_customers.add(other)
    user.dinero_customers.remove(made)
    user.dinero_customers.clear()
    assert gateway.since(mark) == []
    user.dinero_customers.set([made, other])
    user.delete()
    assert gateway.since(mark) == ["delete_customer", "delete_customer"]


@pytest.mark.django_db(transaction=True)
def test_the_asynchronous_ways_are_the_same(gateway: RecordingGateway) -> None:
    async def work() -> Customer:
        customer = await Customer.objects.acreate(email="a@example.com")
        customer.email = "b@example.com"
        await customer.asave()
        await Customer.objects.aupdate_or_create(pk=customer.pk, defaults={"email": "c@d.co"})
        card = await customer.cards.acreate(**{"number": "4111111111111111"})
        await card.adelete()
        return customer

    customer = async_to_sync(work)()
    assert email_at(gateway, customer) == "c@d.co"
    assert gateway.verbs == [
        *("create_customer", "update_customer", "update_customer", "add_card", "delete_card")
    ]


@pytest.fixture
def shop_table(transactional_db: None) -> Iterator[None]:
    """The table of Shop, while a test needs it."""
    with connection.schema_editor() as editor:
        editor.create_model(Shop)
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(Shop)


@pytest.mark.django_db(transaction=True)
def test_a_child_with_its_own_table_is_pushed_and_deleted_once(
    gateway: RecordingGateway, shop_table: None
) -> None:
    shop = Shop(email="a@example.com", note="x")
    shop.save()
    shop.email = "b@example.com"
    shop.save()
    shop.note = "y"
    shop.save()
    shop.save(update_fields=["note"])
    assert gateway.verbs == ["create_customer", "update_customer"]
    Shop.objects.filter(pk=shop.pk).update(email="c@example.com")
    assert Customer.objects.get().sync_state == "pending"
    shop.delete()
    assert gateway.verbs[2:] == ["delete_customer"]
    assert Operation.objects.filter(kind="delete_customer").count() == 1


def test_a_formset_edits_and_deletes_cards(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    customer.add_card(number="4007000000027")
    formset = inlineformset_factory(Customer, CreditCard, fields=["zip", "month"], extra=0)
    data = {"cards-TOTAL_FORMS": "2", "cards-INITIAL_FORMS": "2", "cards-1-DELETE": "on"}
    for n, row in enumerate(customer.cards):
        data |= {f"cards-{n}-id": str(row.pk), f"cards-{n}-zip": "77777", f"cards-{n}-month": "1"}
    mark = gateway.mark
    bound = formset(data, instance=customer)
    assert bound.is_valid(), bound.errors
    bound.save()
    assert sorted(gateway.since(mark)) == ["delete_card", "update_card"]


# -- What other receivers see and do ---------------------------------------------------------------


def test_receivers_see_plain_values(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    seen: list[tuple[Any, ...]] = []

    def look(instance: Customer, **kwargs: Any) -> None:
        seen.append((instance.email, type(instance.version), str(instance.sync_state)))

    customer.email = "new@example.com"
    with receiving(post_save, look):
        customer.save()
    assert seen == [("new@example.com", int, "synced")]
    assert customer.version == 2


def test_what_a_receiver_changes_before_the_write_is_pushed(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()

    def lower(instance: Customer, **kwargs: Any) -> None:
        instance.email = "lower@example.com"

    with receiving(pre_save, lower):
        customer.save()
    assert email_at(gateway, customer) == "lower@example.com"


def test_a_receiver_that_saves_again_ends_well(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    mark = gateway.mark

    def again(instance: Customer, **kwargs: Any) -> None:
        if instance.first_name != "Again":
            instance.first_name = "Again"
            instance.save()

    with receiving(post_save, again):
        customer.save()
    assert gateway.since(mark) == ["update_customer"]
    assert Customer.objects.get().first_name == "Again"


# -- Past save() -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [["email"], ["email", "owner"]])
def test_an_upsert_marks_what_it_changes(
    gateway: RecordingGateway, make_customer: Make, fields: list[str]
) -> None:
    customer = make_customer()
    customer.email = "upsert@example.com"
    Customer.objects.bulk_create([customer], **upsert(fields))
    row = Customer.objects.get()
    assert (row.email, row.sync_state) == ("upsert@example.com", "pending")
    assert row.version > row.synced_version
    row.save()
    assert email_at(gateway, row) == "upsert@example.com"


def upsert(fields: list[str]) -> dict[str, Any]:
    unique = {} if connection.vendor == "mysql" else {"unique_fields": ["id"]}
    return {"update_conflicts": True, "update_fields": fields, **unique}


def test_an_upsert_of_other_columns_marks_nothing(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Customer.objects.bulk_create([customer], **upsert(["owner"]))
    assert Customer.objects.get().sync_state == "synced"


# -- Instances whose row is not there --------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_customer_that_was_rolled_back_can_be_saved_again(gateway: RecordingGateway) -> None:
    customer = Customer(email="a@example.com")
    with pytest.raises(KeyError), transaction.atomic():
        customer.save()
        raise KeyError
    customer.save()
    assert (Customer.objects.get().pk, customer.sync_state) == (customer.pk, "synced")
    assert gateway.verbs == ["create_customer"]


def test_a_customer_that_was_deleted_does_not_come_back(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    Customer.objects.get().delete()
    with pytest.raises(DatabaseError, match="did not affect"):
        customer.save()
    assert not Customer.objects.exists()


# -- What never changes ----------------------------------------------------------------------------


def test_a_stored_row_stays_at_its_gateway(gateway: RecordingGateway, make_customer: Make) -> None:
    customer = make_customer()
    row = customer.cards[0]
    for instance in (customer, row):
        instance.gateway_name = "old"
        with pytest.raises(InvalidInput) as caught:
            instance.save()
        assert "gateway_name" in caught.value.errors
        instance.refresh_from_db()
        instance.save()
    waiting = Customer(email="a@example.com")
    Customer.objects.bulk_create([waiting])
    waiting.gateway_name = "default"
    waiting.save()
    assert waiting.sync_state == "synced"


def test_a_card_stays_with_its_customer(gateway: RecordingGateway, make_customer: Make) -> None:
    customer, other = make_customer(), make_customer(email="other@example.com")
    row = customer.add_card(number="4007000000027")
    with pytest.raises(InvalidInput) as caught, transaction.atomic():
        other.cards.add(row)
    assert set(caught.value.errors) == {"customer"}
    with pytest.raises(InvalidInput), transaction.atomic():
        other.cards.set([row])  # type: ignore[attr-defined]
    row.refresh_from_db()
    assert row.customer == customer
    customer.cards.add(row)
    assert len(customer.cards) == 2


# -- Numbers on their way through Django -----------------------------------------------------------

BAD = "4111111111111112"


async def add_later(customer: Customer) -> None:
    await customer.cards.acreate(**{"number": BAD})


async def create_later(customer: Customer) -> None:
    await CreditCard.objects.acreate(**{"customer": customer, "number": BAD})


@pytest.mark.parametrize(
    "store",
    [
        lambda customer: customer.add_card(number=BAD),
        lambda customer: customer.cards.create(**{"number": BAD}),
        lambda customer: customer.cards.add(CreditCard(**{"number": BAD})),
        lambda customer: CreditCard.objects.create(**{"customer": customer, "number": BAD}),
        lambda customer: CreditCard.objects.all().create(**{"customer": customer, "number": BAD}),
        lambda customer: CreditCard(**{"customer": customer, "number": BAD}).save(),
        lambda customer: async_to_sync(add_later)(customer),
        lambda customer: async_to_sync(create_later)(customer),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_no_traceback_shows_a_number(
    gateway: RecordingGateway, make_customer: Make, store: Callable[[Customer], None]
) -> None:
    customer = make_customer()
    with pytest.raises(InvalidInput) as caught:
        store(customer)
    assert set(caught.value.errors) == {"number"}
    assert sinks.found(sinks.traceback_with_locals(caught.value, skip=__file__), [BAD]) == []
