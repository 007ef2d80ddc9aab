"""Amounts as a language writes them: read without being misread, and shown."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from django_dinero.exceptions import InvalidInput
from django_dinero.forms.amounts import AmountField, read_amount
from django_dinero.forms.charges import FollowUpForm


@pytest.mark.parametrize(
    ("language", "currency", "typed", "amount"),
    [
        ("en", "USD", "12.50", "12.50"),
        ("en", "USD", " 12.5 ", "12.50"),
        ("en", "USD", "1,234.50", "1234.50"),
        ("en", "USD", "1234", "1234.00"),
        ("en", "BHD", "1.234", "1.234"),
        ("en", "BHD", "0.123", "0.123"),
        ("de", "USD", "12,50", "12.50"),
        ("de", "USD", "12.50", "12.50"),
        ("de", "USD", "12,5", "12.50"),
        ("de", "USD", "1.234,50", "1234.50"),
        ("de", "USD", "1.234.567,50", "1234567.50"),
        ("de", "BHD", "1,234", "1.234"),
        ("de", "BHD", "0.123", "0.123"),
        ("de", "JPY", "1234", "1234"),
        ("fr", "USD", "1 234,50", "1234.50"),
        ("fr", "USD", "1\u202f234,50", "1234.50"),
        ("fr", "USD", "1\u00a0234,50", "1234.50"),
    ],
)
def test_what_is_read(language: str, currency: str, typed: str, amount: str) -> None:
    with translation.override(language):
        assert str(read_amount(typed, currency)) == amount


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize(
    ("currency", "typed"),
    [
        *(("USD", typed) for typed in ("1.234", "1,234", "12.500", "999,999")),
        *(("JPY", typed) for typed in ("1.234", "1,234")),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(language: str, currency: str, typed: str) -> None:
    with translation.override(language), pytest.raises(ValidationError):
        read_amount(typed, currency)


def test_the_refusal_shows_how_it_is_written() -> None:
    with translation.override("de"), pytest.raises(ValidationError) as caught:
        read_amount("2.345", "EUR")
    assert "1234,00" in str(caught.value)
    with translation.override("en"), pytest.raises(ValidationError) as caught:
        read_amount("1.234", "EUR")
    assert "1234.00" in str(caught.value)


@pytest.mark.parametrize(
    ("language", "currency", "typed", "example"),
    [
        ("de", "EUR", "1,250.00", "1234,00"),
        ("de", "JPY", "ten", "1234."),
        ("en", "USD", "12,50", "1234.00"),
    ],
)
def test_an_example_is_written_as_the_language_writes_it(
    language: str, currency: str, typed: str, example: str
) -> None:
    with translation.override(language), pytest.raises(ValidationError) as caught:
        read_amount(typed, currency)
    assert example in str(caught.value)


@pytest.mark.parametrize(
    ("language", "currency", "typed"),
    [
        # The other language's decimals, groups of another size, groups without decimals.
        ("en", "BHD", "1,234"),
        ("de", "BHD", "1.234"),
        ("en", "USD", "12,50"),
        ("en", "USD", "1.234,50"),
        ("de", "USD", "1,234.50"),
        ("de", "USD", "12.34,50"),
        ("de", "USD", "1.234.567"),
        ("de", "USD", "1.234,5"),
        ("de", "USD", "1,2,50"),
        ("en", "JPY", "1,234.50"),
        *(("de", "USD", typed) for typed in ("", ",", ",50", "12,", "-1,00", "0,00", "1e3")),
        *(("de", "USD", typed) for typed in ("12,505", "\u0664,\u0665", "1'234,50", "1_000")),
    ],
)
def test_what_is_no_amount_is_refused(language: str, currency: str, typed: str) -> None:
    with translation.override(language), pytest.raises(ValidationError):
        read_amount(typed, currency)


def test_an_unknown_currency_is_the_currencys_error() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_amount("1.00", "usd")
    assert list(caught.value.errors) == ["currency"]


@pytest.mark.parametrize(("language", "shown"), [("en", "1234.50"), ("de", "1234,50")])
def test_what_a_form_shows_is_what_it_reads(language: str, shown: str) -> None:
    with translation.override(language):
        new = FollowUpForm(currency="USD", initial={"amount": Decimal("1234.50")})
        assert f'value="{shown}"' in str(new["amount"])
        posted = {"amount": shown, "key": "A" * 20}
        form = FollowUpForm(posted, currency="USD")
        assert form.is_valid()
        assert form.cleaned_data["amount"] == Decimal("1234.50")


def test_what_was_typed_is_shown_again_as_it_was() -> None:
    assert AmountField().prepare_value("12,5x") == "12,5x"


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_a_form_reads_what_it_shows_where_thousands_are_grouped(
    language: str, settings: Any
) -> None:
    settings.USE_THOUSAND_SEPARATOR = True
    with translation.override(language):
        shown = AmountField().prepare_value(Decimal(1234))
        assert shown == "1234"
        assert read_amount(shown, "JPY") == 1234
        with pytest.raises(ValidationError) as caught:
            read_amount("1.234", "USD")
        assert re.search("1234[.,]00", str(caught.value))
