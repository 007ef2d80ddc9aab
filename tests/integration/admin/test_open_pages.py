"""Two people have a page open: what one did not touch keeps what the other has saved."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from django_dinero.models import CreditCard, Customer
from tests.integration.admin.pages import url
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

Page = dict[str, str]


def opened(client: Client, address: str) -> Page:
    """Open a page, and return what its form posts if nothing is changed."""
    return posted_by(client.get(address).content.decode())


def posted_by(body: str) -> Page:
    form = body[body.index('id="c') :]
    inputs = re.findall(r"<input[^>]*>", form)
    found = [(_attribute(each, "name"), _attribute(each, "value"), each) for each in inputs]
    unticked = [each for _n, _v, each in found if "checkbox" in each and "checked" not in each]
    return {n: v for n, v, each in found if n and n[0] != "_" and each not in unticked}


def _attribute(tag: str, name: str) -> str:
    match = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(match[1]) if match else ""


def test_two_edits_of_a_customer_both_count(
    root: Client, gateway: RecordingGateway, customer: Customer
) -> None:
    owner = get_user_model().objects.create_user("olga")
    address = url("customer_change", customer.pk)
    mine, theirs = opened(root, address), opened(root, address)
    root.post(address, {**theirs, "email": "new@example.com", "owner": str(owner.pk)})
    root.post(address, {**mine, "first_name": "Ada"})
    row = Customer.objects.get()
    assert (row.email, row.first_name, row.owner) == ("new@example.com", "Ada", owner)
    sent = gateway.calls[-1][1][0]
    assert (sent.email, sent.first_name) == ("new@example.com", "Ada")


def test_two_edits_of_a_card_both_count(
    root: Client, gateway: RecordingGateway, customer: Customer
) -> None:
    row = customer.cards[0]
    address = url("creditcard_change", row.pk)
    mine, theirs = opened(root, address), opened(root, address)
    root.post(address, {**theirs, "month": "3", "year": "2035"})
    root.post(address, {**mine, "city": "Rome"})
    row.refresh_from_db()
    assert (row.month, row.year, row.city) == (3, 2035, "Rome")
    assert CreditCard.objects.get().sync_state == "synced"


def test_what_both_changed_is_what_came_last(
    root: Client, gateway: RecordingGateway, customer: Customer
) -> None:
    address = url("customer_change", customer.pk)
    mine, theirs = opened(root, address), opened(root, address)
    root.post(address, {**theirs, "email": "theirs@example.com"})
    root.post(address, {**mine, "email": "mine@example.com", "first_name": ""})
    assert Customer.objects.get().email == "mine@example.com"


def test_a_text_can_be_cleared(root: Client, gateway: RecordingGateway, customer: Customer) -> None:
    Customer.objects.update(first_name="Ada")
    address = url("customer_change", customer.pk)
    page = opened(root, address)
    assert page["first_name"] == "Ada"
    root.post(address, {**page, "first_name": ""})
    assert Customer.objects.get().first_name == ""


def test_a_page_that_was_wrong_still_knows_what_it_showed_first(
    root: Client, gateway: RecordingGateway, customer: Customer
) -> None:
    address = url("customer_change", customer.pk)
    page = opened(root, address)
    Customer.objects.update(email="theirs@example.com")
    response = root.post(address, {**page, "first_name": "x" * 200})
    again = posted_by(response.content.decode())
    assert again["first_name"] == "x" * 200
    root.post(address, {**again, "first_name": "Ada"})
    row = Customer.objects.get()
    assert (row.email, row.first_name) == ("theirs@example.com", "Ada")
