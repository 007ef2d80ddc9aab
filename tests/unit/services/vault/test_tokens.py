"""Cards that arrive as a token: only the gateway knows what is behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from django_dinero.exceptions import InvalidCardError, InvalidInput, UnsupportedFeature
from django_dinero.models import CreditCard, Customer, Operation
from django_dinero.redaction import Secret
from tests.support.recording import RecordingGateway

Make = Callable[..., Customer]
OTHER = "5424000000000015"

pytestmark = pytest.mark.django_db


def mint(gateway: RecordingGateway) -> Secret:
    return Secret(gateway.bank.mint_token(OTHER, month=1, year=2041))


def shown(row: CreditCard) -> tuple[str, str, int | None, int | None]:
    return row.last_4, row.brand, row.month, row.year


def test_an_added_card_shows_what_the_gateway_read_from_it(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    row = customer.add_card(token=mint(gateway), zip="99999")
    assert shown(row) == ("0015", "mastercard", 1, 2041)
    row.refresh_from_db()
    assert shown(row) == ("0015", "mastercard", 1, 2041)
    assert (row.zip, row.token, row.sync_state) == ("99999", None, "synced")


def test_a_card_gets_another_number_by_a_token(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    row = make_customer().cards[0]
    card_id = row.card_id
    row.token = mint(gateway)
    row.save()
    row.refresh_from_db()
    assert shown(row) == ("0015", "mastercard", 1, 2041)
    assert (row.card_id, row.zip) == (card_id, "12345")


def test_a_used_token_is_refused_and_the_row_stays(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer, token = make_customer(), mint(gateway)
    customer.add_card(token=token)
    row = customer.cards[0]
    row.token = token
    with pytest.raises(InvalidCardError):
        row.save()
    row.refresh_from_db()
    assert row.last_4 == "1111"
    assert Operation.objects.filter(kind="update_card").get().state == "declined"


def test_a_number_and_a_token_are_one_too_many(
    gateway: RecordingGateway, make_customer: Make
) -> None:
    customer = make_customer()
    mark = gateway.mark
    with pytest.raises(InvalidInput) as caught:
        customer.add_card(token="tok_1", number=OTHER)
    assert list(caught.value.errors) == ["token"]
    assert gateway.since(mark) == []


@pytest.mark.parametrize("verb", ["add_card", "update_card"])
def test_a_gateway_that_cannot_says_so_before_anything_is_written(
    gateway: RecordingGateway, make_customer: Make, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    customer = make_customer()
    row, before = customer.cards[0], Operation.objects.count()

    def lacks(asked: str) -> None:
        if asked == verb:
            raise UnsupportedFeature("not here")

    monkeypatch.setattr(gateway, "require", lacks)
    with pytest.raises(UnsupportedFeature):
        if verb == "add_card":
            customer.add_card(number=OTHER, month=1, year=2041)
        else:
            row.number = OTHER
            row.save()
    assert Operation.objects.count() == before
    assert [card.last_4 for card in customer.cards] == ["1111"]
