"""A large amount, or one that may have been taken already, is asked about before it is taken."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from django_dinero.admin.views.asking import JUST_NOW, Money, of_amount
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.admin.pages import charge, confirm, text, url
from tests.support.racing import before_statement
from tests.support.recording import RecordingGateway, lose_request

pytestmark = pytest.mark.django_db


@pytest.fixture
def limited(request: pytest.FixtureRequest, settings: Any) -> None:
    """The admin asks above 100 dollars. It comes before the gateway, whose bank is in memory."""
    limit = getattr(request, "param", {"USD": 100})
    settings.DINERO = {**settings.DINERO, "ADMIN_CONFIRM_ABOVE": limit}


def answer_of(response: Any) -> str:
    """What the page would send back with its second button."""
    question = response.context["question"]
    assert question is not None
    return str(question.answer)


@pytest.mark.usefixtures("limited")
def test_a_large_amount_is_charged_after_a_second_press(root: Client, card: CreditCard) -> None:
    address, posted = url("creditcard_charge", card.pk), charge("100.01", cvv="900")
    asked = root.post(address, posted)
    assert "Nothing was done yet. Are you sure?" in text(asked)
    assert "This is more than 100.00 USD: 100.01 USD." in text(asked)
    assert 'value="Yes, charge"' in asked.content.decode()
    assert "Not shown again, and to be typed once more: Card code (CVV)" in text(asked)
    assert asked.context["form"]["key"].value() == posted["key"]
    assert not Transaction.objects.exists()
    sure = posted | {"sure": answer_of(asked)}
    for _click in range(2):
        assert root.post(address, sure).status_code == 302
    assert Transaction.objects.count() == 1


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize(
    "changed", [{"price": "999.00"}, {"key": "A" * 20}, {"sure": ""}, {"sure": "\u00e9"}]
)
def test_an_answer_is_to_one_question(
    root: Client, card: CreditCard, changed: dict[str, str]
) -> None:
    address, posted = url("creditcard_charge", card.pk), charge("100.01")
    sure = posted | {"sure": answer_of(root.post(address, posted))}
    assert answer_of(root.post(address, sure | changed))
    assert not Transaction.objects.exists()


@pytest.mark.usefixtures("limited")
def test_up_to_the_limit_nothing_is_asked(root: Client, card: CreditCard) -> None:
    root.post(url("creditcard_charge", card.pk), charge("100.00"))
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize(
    ("limited", "asks"),
    [("50", True), ({"EUR": 50}, False), (None, False), ("50.01", False)],
    indirect=["limited"],
)
def test_one_limit_counts_in_every_currency(
    limited: None, root: Client, card: CreditCard, asks: bool
) -> None:
    root.post(url("creditcard_charge", card.pk), charge("50.01"))
    assert Transaction.objects.exists() is not asks


def test_a_limit_has_more_decimals_than_the_currency(settings: Any) -> None:
    settings.DINERO = {**settings.DINERO, "ADMIN_CONFIRM_ABOVE": "999.50"}
    (question,) = of_amount(Money(Decimal(1000), "JPY"))
    assert question.text == "This is more than 999 JPY: 1,000 JPY."
    assert list(of_amount(Money(Decimal(999), "JPY"))) == []


def test_the_same_amount_is_asked_about_while_one_is_open(
    root: Client, customer: Customer, card: CreditCard, gateway: RecordingGateway
) -> None:
    customer.add_card(number="5424000000000015", month=12, year=2060)
    other = customer.cards[1]
    gateway.faults["charge"] = lose_request
    root.post(url("creditcard_charge", card.pk), charge("12.50"))
    lost = Operation.objects.get(state="unknown")
    address, posted = url("creditcard_charge", other.pk), charge("12.50")
    asked = root.post(address, posted)
    assert f"A charge of 12.50 USD is not finished: operation {lost.key}" in text(asked)
    assert gateway.verbs.count("charge") == 1
    root.post(address, charge("12.51"))
    assert Transaction.objects.count() == 1  # another amount is another payment
    root.post(address, posted | {"sure": answer_of(asked)})
    assert Transaction.objects.count() == 2


def test_a_page_that_is_sent_again_is_not_asked_about_its_own_charge(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    posted = charge("12.50")
    gateway.faults["charge"] = lose_request
    root.post(url("creditcard_charge", card.pk), posted)
    response = root.post(url("creditcard_charge", card.pk), posted)
    assert response.context["question"] is None
    assert "It is not known yet whether the card was charged." in text(response)


def test_the_same_again_within_minutes_is_asked_about(
    root: Client, customer: Customer, card: CreditCard
) -> None:
    """The browser's *back* shows the form anew, with a new key."""
    customer.add_card(number="5424000000000015", month=12, year=2060)
    root.post(url("creditcard_charge", card.pk), charge("12.50"))
    row = Transaction.objects.get()
    address, posted = url("creditcard_charge", customer.cards[1].pk), charge("12.50")
    asked = root.post(address, posted)
    (question,) = asked.context["question"].texts
    assert question.startswith("12.50 USD was taken already at ")
    assert question.endswith(f": transaction {row.transaction_id} (approved).")
    assert question in text(asked)
    assert Transaction.objects.count() == 1
    sure = posted | {"sure": answer_of(asked)}
    for _click in range(2):
        assert root.post(address, sure).status_code == 302
    assert Transaction.objects.count() == 2


def test_what_was_given_back_or_taken_long_ago_is_not_asked_about(
    root: Client, card: CreditCard
) -> None:
    address = url("creditcard_charge", card.pk)
    root.post(address, charge("12.50"))
    Transaction.objects.get().void()
    root.post(address, charge("12.50"))
    second = Transaction.objects.get(kind="charge", status="approved")
    Transaction.objects.filter(pk=second.pk).update(created_at=second.created_at - JUST_NOW)
    assert root.post(address, charge("12.50")).status_code == 302
    assert Transaction.objects.filter(kind="charge").count() == 3


# -- An order that is paid, or may be --------------------------------------------------------------


def test_an_order_that_is_paid_is_asked_about(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    address = url("creditcard_charge", card.pk)
    first = charge("12.50", order_reference="A-17")
    root.post(address, first)
    assert root.post(address, first).status_code == 302  # its own page, once more
    posted = charge("13.00", key="B" * 20, order_reference="A-17")
    asked = root.post(address, posted)
    assert "Order A-17 has a payment of 12.50 USD already (approved)." in text(asked)
    # One payment that is found by its amount and by its order is one question.
    assert len(asked.context["question"].texts) == 1
    assert gateway.verbs.count("charge") == 1
    assert root.post(address, posted | {"sure": answer_of(asked)}).status_code == 302
    assert gateway.verbs.count("charge") == 2


def test_an_order_that_may_be_paid_is_asked_about_however_old_it_is(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    other = Customer.create("eve@example.com", number="5424000000000015", month=12, year=2060)
    gateway.faults["charge"] = lose_request
    with pytest.raises(OutcomeUnknown):
        other.charge("5", order_reference="A-17")
    Operation.objects.update(created_at="2020-01-01T00:00:00Z")
    lost = Operation.objects.get(state="unknown")
    asked = root.post(url("creditcard_charge", card.pk), charge("12.50", order_reference="A-17"))
    assert f"A payment of order A-17 is not finished: operation {lost.key}" in text(asked)
    assert gateway.verbs.count("charge") == 1


@pytest.mark.django_db(transaction=True)
def test_who_pays_an_order_at_this_moment_is_asked_about(
    root: Client, card: CreditCard, gateway: RecordingGateway
) -> None:
    address, posted = url("creditcard_charge", card.pk), charge("12.50", order_reference="A-17")

    def rival() -> None:
        card.charge("12.50", order_reference="A-17", pays_order=True)

    with before_statement("INSERT", rival, about="dinero_operation"):
        asked = root.post(address, posted)
    assert "Order A-17 has a payment of 12.50 USD already (approved)." in text(asked)
    # One payment that is found by its amount and by its order is one question.
    assert len(asked.context["question"].texts) == 1
    assert gateway.verbs.count("charge") == 1
    assert root.post(address, posted | {"sure": answer_of(asked)}).status_code == 302
    assert gateway.verbs.count("charge") == 2


# -- The same amount given back once more ----------------------------------------------------------


@pytest.fixture(params=["charge", "capture"])
def settled(
    request: pytest.FixtureRequest, card: CreditCard, gateway: RecordingGateway
) -> Transaction:
    """50 dollars that the bank has settled: a charge, or an authorization that was captured."""
    row = Transaction.create("50.00", card=card, settle=request.param == "charge")
    if request.param == "capture":
        row.capture()
    gateway.bank.settle_batch()
    return row


def test_the_same_refund_within_minutes_is_asked_about(
    root: Client, settled: Transaction, gateway: RecordingGateway
) -> None:
    """The browser's *back* and a second tab show the form anew, with a new key."""
    address, posted = url("transaction_refund", settled.pk), confirm(amount="5.00")
    root.post(address, confirm(amount="5.00"))
    row = Transaction.objects.get(kind="refund")
    asked = root.post(address, posted)
    (question,) = asked.context["question"].texts
    assert question.startswith("5.00 USD was given back already at ")
    assert question.endswith(f": transaction {row.transaction_id} (approved).")
    assert question in text(asked)
    assert 'value="Yes, refund"' in asked.content.decode()
    assert gateway.verbs.count("refund") == 1
    sure = posted | {"sure": answer_of(asked)}
    for _click in range(2):
        assert root.post(address, sure).status_code == 302
    assert gateway.verbs.count("refund") == 2


def test_another_refund_or_one_of_long_ago_is_not_asked_about(
    root: Client, settled: Transaction, gateway: RecordingGateway
) -> None:
    address = url("transaction_refund", settled.pk)
    root.post(address, confirm(amount="5.00"))
    root.post(address, confirm(amount="5.01"))
    for row in Transaction.objects.filter(kind="refund"):
        Transaction.objects.filter(pk=row.pk).update(created_at=row.created_at - JUST_NOW)
    root.post(address, confirm(amount="5.00"))
    assert gateway.verbs.count("refund") == 3


def test_many_refunds_name_those_of_the_same_amount_before(
    root: Client, settled: Transaction
) -> None:
    settled.refund("25.00")
    (line,) = root.get(url("transaction_bulk_refund"), {"row": settled.pk}).context["lines"]
    assert line.state == "planned"
    assert line.text.startswith("25.00 USD was given back already at ")
