"""Accept-Language changes what people read, and nothing that a program reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from django_dinero.models import CreditCard
from tests.integration.api.calling import Caller, json_of, new_key
from tests.support.languages import with_locale_middleware

pytestmark = [pytest.mark.once, pytest.mark.django_db]

DECLINED = {
    "en": "The card was declined.",
    "de": "Die Karte wurde abgelehnt.",
    "es": "La tarjeta fue rechazada.",
    "fr": "La carte a été refusée.",
}
WRONG = {
    "en": "Unknown field. Accepted: ",
    "de": "Unbekanntes Feld. Erlaubt sind: ",
    "es": "Campo desconocido. Se aceptan: ",
    "fr": "Champ inconnu. Sont acceptés\u00a0: ",
}


@pytest.fixture(autouse=True)
def by_language(settings: Any) -> Iterator[None]:
    settings.MIDDLEWARE = with_locale_middleware(settings.MIDDLEWARE)
    yield
    translation.deactivate()  # the last request's stays active in this thread


def speaking(caller: Caller, language: str) -> Caller:
    caller.client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    return caller


@pytest.mark.parametrize("language", DECLINED)
def test_a_decline(owner: Caller, declining: CreditCard, language: str) -> None:
    address = f"cards/{declining.public_id}/charge/"
    shown = json_of(speaking(owner, language).post(address, {"price": "5.00"}), 402)
    assert shown["code"] == "card_declined"
    assert shown["detail"] == DECLINED[language]


@pytest.mark.parametrize("language", WRONG)
def test_a_wrong_field(owner: Caller, card: CreditCard, language: str) -> None:
    address = f"cards/{card.public_id}/charge/"
    shown = json_of(speaking(owner, language).post(address, {"price": "5.00", "prize": "x"}), 400)
    assert shown["code"] == "invalid_input"
    assert shown["errors"]["prize"][0].startswith(WRONG[language])


@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_repetition_in_another_language_is_the_same_request(
    owner: Caller, card: CreditCard, language: str
) -> None:
    address, key = f"cards/{card.public_id}/charge/", new_key()
    first = json_of(speaking(owner, "en").post(address, {"price": "1.50"}, key=key), 201)
    again = json_of(speaking(owner, language).post(address, {"price": "1.50"}, key=key), 201)
    assert again == first
    # A number is a number: no decimal comma comes out of a program's interface.
    assert again["price"] == "1.50"
