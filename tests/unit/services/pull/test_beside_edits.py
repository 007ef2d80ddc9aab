"""A pull of rows whose edits wait: the edits stay, and all the rest is what the gateway has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from django_dinero.exceptions import NotSent, OutcomeUnknown
from django_dinero.gateways.types import RemoteCard, RemoteCustomer
from django_dinero.models import CreditCard, Customer
from django_dinero.services.vault import push
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(customer: Customer) -> CreditCard:
    """The customer's card."""
    return customer.cards[0]


def edit(row: Any, gateway: RecordingGateway, **values: Any) -> None:
    """Change a row; its push does not reach the gateway."""
    verb = "update_card" if isinstance(row, CreditCard) else "update_customer"
    gateway.faults[verb] = refuse_connection
    for name, value in values.items():
        setattr(row, name, value)
    with pytest.raises(NotSent):
        row.save()


def pull(gateway: RecordingGateway, row: Any, **values: Any) -> None:
    """Retrieve the customer, which has these values at the gateway."""
    remote = gateway.retrieve_customer(row.customer_id)
    assert isinstance(remote, RemoteCustomer)
    if isinstance(row, CreditCard):
        newer: RemoteCustomer = replace(remote, cards=(changed(remote.cards[0], **values),))
    else:
        newer = replace(remote, **values)
    gateway.faults["retrieve_customer"] = lambda call: newer
    Customer.retrieve(row.customer_id)
    row.refresh_from_db()


def changed(card: RemoteCard, **values: Any) -> RemoteCard:
    """The card with these values, of which some belong to its address."""
    own = {name: values.pop(name) for name in list(values) if hasattr(card, name)}
    return replace(card, **own, address=replace(card.address, **values))


def test_a_date_that_the_gateway_tells_is_written(
    gateway: RecordingGateway, row: CreditCard
) -> None:
    """Its account updater has renewed the card."""
    edit(row, gateway, city="Rome")
    pull(gateway, row, month=1, year=2035)
    assert (row.month, row.year, row.city, row.sync_state) == (1, 2035, "Rome", "error")
    push.push_card(row.pk)
    sent = gateway.calls[-1][1][0]
    assert (sent.month, sent.year, sent.address.city) == (1, 2035, "Rome")


def test_an_edited_date_stays(gateway: RecordingGateway, row: CreditCard) -> None:
    edit(row, gateway, month=3, year=2033)
    pull(gateway, row, month=1, year=2035, company="Acme")
    assert (row.month, row.year, row.company) == (3, 2033, "Acme")


def test_a_field_that_others_changed_at_the_gateway_is_not_pushed_back(
    gateway: RecordingGateway, row: CreditCard
) -> None:
    edit(row, gateway, city="Rome")
    pull(gateway, row, company="Acme", city="Milan")
    assert (row.company, row.city) == ("Acme", "Rome")
    push.push_card(row.pk)
    stored = gateway.retrieve_customer(row.customer_id).cards[0]  # type: ignore[union-attr]
    assert (stored.address.company, stored.address.city) == ("Acme", "Rome")


def test_edits_of_several_requests_all_stay(gateway: RecordingGateway, row: CreditCard) -> None:
    edit(row, gateway, city="Rome")
    CreditCard.objects.filter(pk=row.pk).update(zip="99999")
    edit(CreditCard.objects.get(pk=row.pk), gateway, phone="1")
    pull(gateway, row, city="Milan", zip="11111", phone="2", fax="3")
    assert (row.city, row.zip, row.phone, row.fax) == ("Rome", "99999", "1", "3")


def test_after_a_push_nothing_counts_as_edited(gateway: RecordingGateway, row: CreditCard) -> None:
    row.city = "Rome"
    row.save()
    assert (row.edits, CreditCard.objects.get(pk=row.pk).edits) == (0, 0)
    pull(gateway, row, city="Milan")
    assert (row.city, row.sync_state) == ("Milan", "synced")


def test_an_edit_during_the_push_counts(gateway: RecordingGateway, row: CreditCard) -> None:
    def edited(call: Any) -> Any:
        CreditCard.objects.filter(pk=row.pk).update(zip="99999")
        gateway.faults["update_card"] = refuse_connection
        return call()

    gateway.faults["update_card"] = edited
    row.city = "Rome"
    with pytest.raises(NotSent):
        row.save()
    pull(gateway, row, zip="11111", company="Acme")
    assert (row.zip, row.company) == ("99999", "Acme")


def test_an_edit_whose_answer_was_lost_stays(gateway: RecordingGateway, row: CreditCard) -> None:
    gateway.faults["update_card"] = lose_reply
    row.city = "Rome"
    with pytest.raises(OutcomeUnknown):
        row.save()
    pull(gateway, row, city="Milan", company="Acme")
    assert (row.city, row.company) == ("Rome", "Acme")


def test_an_upsert_may_have_changed_anything(gateway: RecordingGateway, row: CreditCard) -> None:
    rows = CreditCard.objects.filter(pk=row.pk)
    rows.update_without_push(
        sync_state="pending", edits=CreditCard._meta.get_field("edits").default
    )
    pull(gateway, row, city="Milan", month=1, year=2035)
    assert (row.city, row.month, row.year) == ("", 12, 2030)


def test_a_customer_too(gateway: RecordingGateway, customer: Customer) -> None:
    edit(customer, gateway, first_name="Ada")
    pull(gateway, customer, email="theirs@example.com", first_name="Bob")
    assert (customer.email, customer.first_name) == ("theirs@example.com", "Ada")
    push.push_customer(customer.pk)
    stored = gateway.bank.customer(customer.customer_id or "")
    assert (stored.email, stored.first_name) == ("theirs@example.com", "Ada")


def test_a_row_that_changed_since_stays_as_it_is(
    gateway: RecordingGateway, customer: Customer
) -> None:
    edit(customer, gateway, first_name="Ada")

    def late(call: Any) -> Any:
        Customer.objects.update(last_name="Jones")
        return replace(call(), email="older@example.com")

    gateway.faults["retrieve_customer"] = late
    found = Customer.retrieve(customer.customer_id or "")
    assert (found.email, found.first_name, found.last_name) == ("bill@example.com", "Ada", "Jones")
