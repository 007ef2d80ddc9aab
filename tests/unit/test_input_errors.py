"""One error that names everything that is wrong, of the most telling class."""

from __future__ import annotations

import pytest

from django_dinero.exceptions import InvalidAmountInput, InvalidCardInput, InvalidInput
from django_dinero.input_errors import InputErrors
from django_dinero.money import parse_amount


def test_what_passes_is_returned_and_nothing_is_raised() -> None:
    errors = InputErrors()
    assert str(errors.collect(parse_amount, "12.50", "USD", field="amount")) == "12.50"
    errors.raise_if_any()
    assert errors.by_field == {}


def test_the_first_error_of_a_field_is_kept() -> None:
    errors = InputErrors()
    errors.add({"email": "first"})
    errors.add({"email": "second", "zip": "third"})
    assert errors.by_field == {"email": "first", "zip": "third"}


def test_an_error_of_its_own_class_keeps_it_beside_others() -> None:
    errors = InputErrors()
    errors.add({"email": "wrong"})
    assert errors.collect(parse_amount, "1.234", "USD") is None
    with pytest.raises(InvalidAmountInput) as caught:
        errors.raise_if_any()
    assert list(caught.value.errors) == ["price", "email"]


def test_a_wrong_card_field_decides_the_class() -> None:
    errors = InputErrors()
    errors.collect(parse_amount, "0", "USD")
    errors.add({"number": "wrong"})
    error = errors.as_exception(gateway_name="shop")
    assert type(error) is InvalidCardInput
    assert error.gateway_name == "shop"


def test_without_a_class_of_its_own_it_is_plain() -> None:
    errors = InputErrors()
    errors.add({"email": "wrong"})
    assert type(errors.as_exception()) is InvalidInput
