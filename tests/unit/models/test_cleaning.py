"""A project's own forms and serializers say what is wrong, so that no save() raises after them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from rest_framework import serializers

from django_dinero.api.cleaning import CleanedModelMixin
from django_dinero.exceptions import InvalidInput
from django_dinero.models import CreditCard, Customer
from tests.support.recording import RecordingGateway
from tests.unit.services.conftest import card, customer, make_customer

__all__ = ["card", "customer", "make_customer"]

pytestmark = pytest.mark.django_db

GOOD = {"email": "a@example.com", "first_name": "Ada"}
WRONG = [
    ("email", "no address"),
    ("email", "4111111111111111@example.com"),
    ("first_name", "4111 1111 1111 1111"),
    ("first_name", "A\x07"),
    ("first_name", "x" * 151),
]
WRONG_CARD = [
    ("month", {"month": 13}),
    ("year", {"year": 2001}),
    ("year", {"year": 2199}),
    ("city", {"city": "4111111111111111"}),
    ("zip", {"zip": "1\x00"}),
]


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Customer
        fields = ("email", "first_name")


class CustomerSerializer(CleanedModelMixin, serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = ("email", "first_name")


class PlainSerializer(serializers.ModelSerializer[Customer]):
    class Meta:
        model = Customer
        fields = ("email", "first_name")


class CardForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = CreditCard
        fields = ("month", "year", "city", "zip")


class CardSerializer(CleanedModelMixin, serializers.ModelSerializer[CreditCard]):
    class Meta:
        model = CreditCard
        fields = ("month", "year", "city", "zip")


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_customer_is_refused_before_it_is_saved(
    gateway: RecordingGateway, field: str, value: str
) -> None:
    values = {**GOOD, field: value}
    assert list(CustomerForm(values).errors) == [field]
    for serializer in (CustomerSerializer(data=values), PlainSerializer(data=values)):
        assert not serializer.is_valid()
        assert list(serializer.errors) == [field]
    with pytest.raises(ValidationError) as refused:
        Customer(**values).full_clean()
    assert list(refused.value.message_dict) == [field]
    with pytest.raises(InvalidInput) as raised:
        Customer(**values).save()
    assert list(raised.value.errors) == [field]
    assert gateway.calls == []


@pytest.mark.parametrize(("field", "values"), WRONG_CARD)
def test_a_card_is_refused_before_it_is_saved(
    customer: Customer, field: str, values: dict[str, Any]
) -> None:
    row = customer.cards[0]
    data = {"month": row.month, "year": row.year, "city": "", "zip": row.zip, **values}
    form = CardForm(data, instance=CreditCard.objects.get())
    assert list(form.errors) == [field]
    serializer = CardSerializer(row, data=values, partial=True)
    assert not serializer.is_valid()
    assert list(serializer.errors) == [field]


def test_what_is_good_is_saved(gateway: RecordingGateway, customer: Customer) -> None:
    form = CustomerForm(GOOD, instance=customer)
    assert form.is_valid(), form.errors
    assert form.save().sync_state == "synced"
    serializer = CardSerializer(customer.cards[0], data={"city": "Rome"}, partial=True)
    assert serializer.is_valid(), serializer.errors
    assert serializer.save().city == "Rome"
    created = CustomerSerializer(data=GOOD)
    assert created.is_valid(), created.errors
    assert created.save().customer_id


def test_an_error_in_a_field_that_a_form_lacks_stands_on_top(
    gateway: RecordingGateway, customer: Customer
) -> None:
    customer.last_name = "4111111111111111"
    form = CustomerForm(GOOD, instance=customer)
    assert list(form.errors) == ["__all__"]
    assert "last_name:" in str(form.errors["__all__"])
    assert "4111111111111111" not in str(form.errors)
    serializer = CustomerSerializer(customer, data=GOOD)
    assert not serializer.is_valid()
    assert list(serializer.errors) == ["non_field_errors"]


def test_what_the_gateway_does_not_take_is_refused(
    gateway: RecordingGateway, customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_lengths(texts: dict[str, str]) -> None:
        if len(texts.get("first_name", "")) > 3:
            raise InvalidInput({"first_name": "At most 3 characters."})

    monkeypatch.setattr(gateway, "check_lengths", check_lengths)
    values = {**GOOD, "first_name": "Adam"}
    assert list(CustomerForm(values).errors) == ["first_name"]
    assert CustomerSerializer(data=values).is_valid() is False
    values["gateway_name"] = "nowhere"
    with pytest.raises(ValidationError) as refused:
        Customer(**values).full_clean()
    assert "gateway_name" in refused.value.message_dict


def test_an_address_that_the_gateway_had_does_not_bar_other_edits(
    gateway: RecordingGateway, customer: Customer
) -> None:
    Customer.objects.update_without_push(email="odd address")
    row = Customer.objects.get()
    row.first_name = "Ada"
    row.save()
    assert Customer.objects.get().first_name == "Ada"
    row.email = "another odd address"
    with pytest.raises(InvalidInput) as caught:
        row.save()
    assert list(caught.value.errors) == ["email"]


# -- A new number ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"number": "4111111111111112"}, {"number"}),
        ({"number": "4111111111111111", "cvv": "1"}, {"cvv"}),
        ({"number": "4111111111111111", "month": 13, "year": 2040}, {"month"}),
        ({"number": "4111111111111112", "city": "A\x07"}, {"number", "city"}),
    ],
)
def test_a_new_number_is_cleaned_with_the_rest(
    customer: Customer, stored: bool, values: dict[str, Any], fields: set[str]
) -> None:
    row = customer.cards[0] if stored else CreditCard(customer=customer)
    for name, value in values.items():
        setattr(row, name, value)
    with pytest.raises(ValidationError) as caught:
        row.full_clean(exclude=["customer_id", "card_id"])
    top = " ".join(caught.value.message_dict.get("__all__", []))
    assert {f for f in fields if f in caught.value.message_dict or f"{f}:" in top} == fields
    assert "4111111111111112" not in str(caught.value)


def test_a_new_card_without_a_customer_names_it(gateway: RecordingGateway) -> None:
    row = CreditCard(**{"number": "4111111111111111"})
    with pytest.raises(InvalidInput) as caught:
        row.save()
    assert list(caught.value.errors) == ["customer"]
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    assert "customer" in refused.value.message_dict


def test_a_good_new_card_passes(customer: Customer, make_customer: Callable[..., Any]) -> None:
    row = CreditCard(**{"customer": customer, "number": "4007000000027"})
    row.full_clean(exclude=["customer_id", "card_id"])
    row.save()
    assert row.last_4 == "0027"
