"""What the in-process sandbox does about cards beside asking its bank."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from django_dinero.cards import Address, CardDetails
from django_dinero.enums import ReasonKind
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import (
    CardRequest,
    CardUpdate,
    CustomerRequest,
    LookupHints,
    Refusal,
    RemoteCard,
    RemoteCustomer,
)
from django_dinero.redaction import Secret

VISA = "4111111111111111"


@pytest.fixture
def gateway() -> SandboxGateway:
    return SandboxGateway("shop", {})


@pytest.fixture
def stored(gateway: SandboxGateway) -> RemoteCard:
    """A customer's first card."""
    made = gateway.create_customer(CustomerRequest("key-1", "u1", "ann@example.com", card=visa()))
    assert isinstance(made, RemoteCustomer)
    return made.cards[0]


def visa(zip_code: str = "12180", number: str = VISA, cvv: str = "") -> CardDetails:
    code = Secret(cvv) if cvv else None
    return CardDetails(
        Secret(number), code, month=12, year=2090, address=Address(zip=zip_code, address="1 Mill")
    )


def test_a_lost_card_is_none_of_those_known_before(
    gateway: SandboxGateway, stored: RemoteCard
) -> None:
    """Two cards with the same last digits: only the one that came since can be the lost one."""
    hints = LookupHints(
        "add_card",
        datetime.now(UTC),
        customer_id=stored.customer_id,
        last_4="1111",
        known_card_ids=frozenset({stored.card_id}),
    )
    assert gateway.find_operation("key-2", hints).matches == ()
    added = gateway.add_card(CardRequest("key-2", stored.customer_id, visa("99999")))
    gateway.add_card(CardRequest("key-3", stored.customer_id, visa(number="370000000000002")))
    assert gateway.find_operation("key-2", hints).matches == (added,)


@pytest.mark.parametrize(("zip_code", "cvv"), [("46282", ""), ("12180", "901")])
def test_a_new_number_is_checked_with_its_bank(
    gateway: SandboxGateway, stored: RemoteCard, zip_code: str, cvv: str
) -> None:
    new = visa(zip_code, "5424000000000015", cvv)
    update = CardUpdate("key-2", stored.customer_id, stored.card_id, new.address, card=new)
    refused = gateway.update_card(update)
    assert isinstance(refused, Refusal)
    wanted = ReasonKind.CVV if cvv else ReasonKind.CARD_DECLINED
    assert [reason.kind for reason in refused.reasons] == [wanted]
    assert gateway.bank.card(stored.customer_id, stored.card_id).last_4 == "1111"


def test_a_new_address_alone_asks_no_bank(gateway: SandboxGateway, stored: RemoteCard) -> None:
    address = Address(zip="46282")
    update = CardUpdate("key-2", stored.customer_id, stored.card_id, address)
    assert isinstance(gateway.update_card(update), RemoteCard)
    card = gateway.bank.card(stored.customer_id, stored.card_id)
    assert (card.billing, card.month, card.year) == ({"zip": "46282"}, 12, 2090)


def test_all_that_is_wrong_with_a_card_is_told(gateway: SandboxGateway, stored: RemoteCard) -> None:
    card = CardDetails(Secret("4111111111111112"), month=1, year=2001, address=Address())
    refused = gateway.add_card(CardRequest("key-2", stored.customer_id, card))
    assert isinstance(refused, Refusal)
    kinds = [reason.kind for reason in refused.reasons]
    assert kinds == [ReasonKind.INVALID_CARD, ReasonKind.EXPIRY]
