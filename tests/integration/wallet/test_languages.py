"""The shopper's pages in every language: no text of ours is left in English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import translation

from django_dinero.wallet import receipts
from django_dinero.wallet.wallet import Wallet
from tests.integration.wallet.conftest import FORM, NUMBER, add, mint, pay_form
from tests.support.languages import LANGUAGES, left_in_english, with_locale_middleware
from tests.support.recording import RecordingGateway

pytestmark = [
    pytest.mark.once,
    pytest.mark.django_db,
    pytest.mark.parametrize("language", LANGUAGES),
]

DECLINED = {
    "de": "Die Karte wurde abgelehnt.",
    "es": "La tarjeta fue rechazada.",
    "fr": "La carte a été refusée.",
}
#: What stands between thousands is a matter of Django's version.
AMOUNT = re.compile(r"1[.\s]250,50\u00a0USD")
SUBJECTS = {
    "de": "Beleg für Bestellung A-1",
    "es": "Recibo del pedido A-1",
    "fr": "Reçu de la commande A-1",
}


@pytest.fixture
def reader(client: Client, language: str, settings: Any) -> Iterator[Client]:
    """The shopper, whose browser asks for the language."""
    settings.MIDDLEWARE = with_locale_middleware(settings.MIDDLEWARE)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    yield client
    translation.deactivate()  # the last request's stays active in this thread


def test_no_page_has_our_english(
    reader: Client, wallet: Wallet, gateway: RecordingGateway, language: str
) -> None:
    pages = [reader.get("/cards/")]
    card = add(wallet, gateway)
    pages += [reader.get("/cards/"), reader.get("/pay/A-1/")]
    assert AMOUNT.search(pages[-1].content.decode())
    for wrong in ({"zip": "46282"}, {"zip": "1" * 21}, {"token": ""}, {"number": NUMBER}):
        pages.append(reader.post("/cards/", {**FORM, "token": mint(gateway), **wrong}))
    assert DECLINED[language] in pages[3].content.decode()
    pages.append(reader.post("/pay/A-1/", {"attempt": "1", "shown_amount": "1250.50 USD"}))
    reader.post("/pay/A-1/", pay_form(card))
    pages.append(reader.get("/pay/A-1/"))
    assert AMOUNT.search(pages[-1].content.decode())
    assert [left_in_english(page, language) for page in pages] == [[]] * len(pages)


def test_the_receipt(wallet: Wallet, gateway: RecordingGateway, language: str) -> None:
    card = add(wallet, gateway)
    paid = wallet.pay("1250.50", order_reference="A-1", card=card.public_id)
    assert paid.transaction is not None
    with translation.override(language):
        assert receipts.send(paid.transaction)
    (message,) = mail.outbox
    assert message.subject == SUBJECTS[language]
    assert AMOUNT.search(str(message.body))
    assert "Thank you" not in str(message.body)
