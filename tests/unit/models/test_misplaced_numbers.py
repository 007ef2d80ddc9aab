"""A card number typed into a text field: it is refused, and nothing that leaves shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import Case, CharField, ExpressionWrapper, F, Subquery, Value, When
from django.db.models.functions import Concat

from django_dinero.exceptions import InvalidInput
from django_dinero.models import CreditCard, Customer, Transaction
from tests.support import sinks
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, customer, make_customer

__all__ = ["card", "customer", "make_customer"]

pytestmark = pytest.mark.django_db(transaction=True)

NUMBER = "54240000" + "00000015"
INT = int(NUMBER)
#: What type checkers refuse is tried too.
Verb = Callable[[Any], object]


def changed(row: Any, **values: object) -> Any:
    for name, value in values.items():
        setattr(row, name, value)
    return row


def paid(customer: Customer, **options: Any) -> Any:
    return Transaction.create(5, customer=customer, **options)


def customers_of_owner(customer: Customer) -> Any:
    owner: Any = get_user_model().objects.create(username="ann")
    return owner.dinero_customers


customer_of: Any = Customer
card_of: Any = CreditCard
create: Any = Customer.create
pay: Any = Transaction.create
customers: Any = Customer.objects


CARD_VALUES: dict[str, Any] = {"number": "4111111111111111", "month": 12, "year": 2031}

VERBS: dict[str, Verb] = {
    "update": lambda c: Customer.objects.update(first_name=NUMBER),
    "update of a query": lambda c: Customer.objects.all().update(first_name=NUMBER),
    "update with a Value": lambda c: Customer.objects.update(first_name=Value(NUMBER)),
    "update of an int": lambda c: Customer.objects.update(first_name=INT),
    "update of no field": lambda c: customers.update(number=NUMBER, first_name="A"),
    "aupdate": lambda c: asyncio.run(Customer.objects.aupdate(first_name=NUMBER)),
    "aupdate of a query": lambda c: asyncio.run(Customer.objects.all().aupdate(first_name=NUMBER)),
    "update_without_push": lambda c: Customer.objects.update_without_push(first_name=NUMBER),
    "update of cards": lambda c: CreditCard.objects.update(zip=NUMBER),
    "update of a customer's cards": lambda c: c.cards.update(zip=NUMBER),
    "objects.create": lambda c: Customer.objects.create(first_name=NUMBER),
    "objects.create with an e-mail": lambda c: Customer.objects.create(email=NUMBER),
    "objects.create with an int": lambda c: Customer.objects.create(first_name=INT),
    "create of a query": lambda c: Customer.objects.all().create(first_name=NUMBER),
    "acreate": lambda c: asyncio.run(Customer.objects.acreate(first_name=NUMBER)),
    "acreate of a query": lambda c: asyncio.run(Customer.objects.all().acreate(first_name=NUMBER)),
    "objects.create of a card": lambda c: CreditCard.objects.create(
        customer=c, company=NUMBER, **CARD_VALUES
    ),
    "cards.create": lambda c: c.cards.create(company=NUMBER, **CARD_VALUES),
    "get_or_create": lambda c: Customer.objects.get_or_create(first_name=NUMBER),
    "get_or_create by defaults": lambda c: Customer.objects.get_or_create(
        email="none@example.com", defaults={"first_name": NUMBER}
    ),
    "aget_or_create": lambda c: asyncio.run(
        Customer.objects.aget_or_create(email="none@example.com", defaults={"first_name": NUMBER})
    ),
    "update_or_create": lambda c: Customer.objects.update_or_create(
        email=c.email, defaults={"first_name": NUMBER}
    ),
    "update_or_create by defaults": lambda c: Customer.objects.update_or_create(
        email="none@example.com", create_defaults={"first_name": NUMBER}, defaults={}
    ),
    "aupdate_or_create": lambda c: asyncio.run(
        Customer.objects.aupdate_or_create(email=c.email, defaults={"first_name": NUMBER})
    ),
    "bulk_create": lambda c: Customer.objects.bulk_create([Customer(first_name=NUMBER)]),
    "bulk_create of e-mails": lambda c: Customer.objects.bulk_create([Customer(email=NUMBER)]),
    "bulk_create of ints": lambda c: Customer.objects.bulk_create([customer_of(first_name=INT)]),
    "update of a month": lambda c: CreditCard.objects.update(month=INT),
    "update with an expression": lambda c: Customer.objects.update(
        first_name=Concat(Value(f"{NUMBER} "), "last_name")
    ),
    "update with a Case": lambda c: Customer.objects.update(
        first_name=Case(When(pk=c.pk, then=Value(NUMBER)), default=F("last_name"))
    ),
    "update with another case": lambda c: Customer.objects.update(
        first_name=Case(When(pk=0, then=Value("A")), default=Value(NUMBER))
    ),
    "update with a wrapper": lambda c: Customer.objects.update(
        first_name=ExpressionWrapper(Value(NUMBER), output_field=CharField())
    ),
    "update with a subquery": lambda c: Customer.objects.update(
        first_name=Subquery(CreditCard.objects.annotate(n=Value(NUMBER)).values("n")[:1])
    ),
    "update of a mistyped field": lambda c: customers.update(nmae=NUMBER),
    "create of an owner's": lambda c: customers_of_owner(c).create(first_name=NUMBER),
    "update of an owner's": lambda c: customers_of_owner(c).update(first_name=NUMBER),
    "get_or_create of an owner's": lambda c: customers_of_owner(c).get_or_create(
        email="none@example.com", defaults={"first_name": NUMBER}
    ),
    "update_or_create of an owner's": lambda c: customers_of_owner(c).update_or_create(
        email="none@example.com", defaults={"first_name": NUMBER}
    ),
    "acreate of an owner's": lambda c: asyncio.run(
        customers_of_owner(c).acreate(first_name=NUMBER)
    ),
    "constructor": lambda c: customer_of(first_name=NUMBER, nmae="Ann"),
    "constructor with a mistyped field": lambda c: customer_of(nmae=NUMBER),
    "constructor of a card": lambda c: card_of(company=NUMBER, number=NUMBER, nmae="Ann"),
    "constructor with no customer": lambda c: card_of(company=NUMBER, customer="Ann"),
    "save of a description": lambda c: changed(paid(c), description=NUMBER).save(
        update_fields=["description"]
    ),
    "save of an order reference": lambda c: changed(paid(c), order_reference=NUMBER).save(
        update_fields=["order_reference"]
    ),
    "card with a month": lambda c: c.cards.create(**{**CARD_VALUES, "month": INT}),
    "full_clean of a month": lambda c: changed(c.cards[0], month=f"{NUMBER} ").full_clean(),
    "abulk_create": lambda c: asyncio.run(Customer.objects.abulk_create([Customer(email=NUMBER)])),
    "bulk_update": lambda c: Customer.objects.bulk_update([changed(c, email=NUMBER)], ["email"]),
    "save": lambda c: changed(c, email=NUMBER).save(),
    "save of one field": lambda c: changed(c, email=NUMBER).save(update_fields=["email"]),
    "save of a new one": lambda c: Customer(email=NUMBER).save(),
    "save of a new int": lambda c: Customer(first_name=INT).save(),
    "asave": lambda c: asyncio.run(changed(c, email=NUMBER).asave()),
    "save of a card": lambda c: changed(c.cards[0], zip=NUMBER).save(),
    "save of a new number": lambda c: changed(c.cards[0], zip=NUMBER, **CARD_VALUES).save(),
    "full_clean": lambda c: changed(c, last_name=NUMBER).full_clean(),
    "clean_fields": lambda c: changed(c, email=NUMBER).clean_fields(),
    "Customer.create": lambda c: Customer.create("a@example.com", first_name=NUMBER),
    "Customer.create with an e-mail": lambda c: Customer.create(NUMBER),
    "Customer.create with an int": lambda c: create("a@example.com", first_name=INT),
    "Customer.create with a card": lambda c: Customer.create(
        "a@example.com", company=NUMBER, **CARD_VALUES
    ),
    "Customer.create with an unknown": lambda c: create("a@example.com", nmae=NUMBER),
    "add_card": lambda c: c.add_card(zip=NUMBER, **CARD_VALUES),
    "add_card with an unknown": lambda c: c.add_card(numbr=NUMBER, month=1, year=2031),
    "charge": lambda c: c.charge(5, description=NUMBER),
    "charge with an IP": lambda c: c.charge(5, customer_ip=NUMBER),
    "charge with a currency": lambda c: c.charge(5, currency=NUMBER),
    "charge with an e-mail": lambda c: Transaction.create(5, email=NUMBER, **CARD_VALUES),
    "charge with a reference": lambda c: Transaction.create(5, customer=c, order_reference=NUMBER),
    "charge with a settle": lambda c: c.charge(5, settle=NUMBER),
    "charge with an initiator": lambda c: c.charge(5, initiator=NUMBER),
    "charge with a gateway": lambda c: Transaction.create(5, gateway_name=NUMBER, **CARD_VALUES),
    "charge of an amount": lambda c: c.charge(NUMBER),
    "charge of an int": lambda c: c.charge(INT),
    "charge of a customer": lambda c: pay(5, customer=NUMBER),
    "charge of a card": lambda c: pay(5, card=NUMBER),
    "charge with a cvv": lambda c: c.charge(5, cvv=NUMBER),
    "validate": lambda c: c.cards[0].validate(cvv=NUMBER),
    "void": lambda c: paid(c).void(description=NUMBER),
    "void with an int": lambda c: paid(c).void(description=INT),
    "refund": lambda c: paid(c).refund(description=NUMBER),
    "refund of an amount": lambda c: paid(c).refund(NUMBER),
    "capture": lambda c: paid(c, settle=False).capture(description=NUMBER),
    "capture of an amount": lambda c: paid(c, settle=False).capture(Decimal(NUMBER)),
    "approve": lambda c: paid(c).approve(description=NUMBER),
    "decline": lambda c: paid(c).decline(description=NUMBER),
    "void with an unknown": lambda c: paid(c).void(descripton=NUMBER),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_nothing_that_leaves_shows_it(
    verb: Verb, gateway: RecordingGateway, make_customer: Callable[..., Customer]
) -> None:
    customer = make_customer()
    with pytest.raises(Exception, match=r"\w") as caught:
        verb(customer)
    frames = sinks.traceback_with_locals(caught.value, skip=__file__)
    assert sinks.found(frames, [NUMBER]) == []
    assert sinks.found(sinks.pickled(caught.value), [NUMBER]) == []
    assert sinks.found(sinks.every_row(), [NUMBER]) == []


UNSAVED: dict[str, Any] = {
    "e-mail": Customer(email=NUMBER),
    "e-mail as an int": customer_of(email=INT),
    "e-mail among words": Customer(email=f"my card {NUMBER}"),
    "brand": CreditCard(brand=NUMBER, last_4="1"),
    "last digits": CreditCard(last_4=NUMBER),
}


@pytest.mark.parametrize("row", UNSAVED.values(), ids=UNSAVED)
def test_an_unsaved_row_does_not_show_it(row: Any) -> None:
    assert sinks.found(repr(row) + str(row), [NUMBER]) == []
    assert "[secret]" in str(row)


def test_lookups_by_ids_are_left_alone(gateway: RecordingGateway) -> None:
    made = Customer.objects.bulk_create([Customer(customer_id=NUMBER)])[0]
    assert Customer.objects.get_or_create(customer_id__iexact=NUMBER) == (made, False)
    assert Customer(customer_id=NUMBER).customer_id == NUMBER


def test_other_rows_say_what_they_are() -> None:
    assert str(Customer(email="ada@example.com")) == "ada@example.com"
    assert str(Customer(customer_id=NUMBER)) == NUMBER  # an id is never taken for a card
    assert str(CreditCard(brand="visa", last_4="1111")) == "visa •••• 1111"


def test_what_is_hidden_is_refused_by_name(
    gateway: RecordingGateway, make_customer: Callable[..., Customer]
) -> None:
    customer = make_customer()
    text = ["This looks like a card number; it belongs in the number field only."]
    for verb in ("update", "objects.create", "get_or_create", "update_or_create", "void"):
        with pytest.raises(InvalidInput) as caught:
            VERBS[verb](customer)
        assert list(caught.value.errors.values()) == [text]
