"""The contract for stored cards: adding, changing, validating and deleting them."""

from __future__ import annotations

from django_dinero.enums import ReasonKind
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import CardRequest, CardUpdate, Refusal, RemoteCard, StoredCard
from django_dinero.identifiers import new_key
from django_dinero.testing.contract.base import ContractBase, needs
from django_dinero.testing.contract.checks import (
    address_with,
    assert_approved,
    assert_done,
    assert_refusal,
    assert_refused,
)
from django_dinero.testing.contract.vault import NOBODY


class CardContract(ContractBase):
    """Tests of stored cards."""

    def _card(self, gateway: Gateway, stored: StoredCard) -> RemoteCard:
        found = self.customer(gateway, stored.customer_id)
        return next(card for card in found.cards if card.card_id == stored.card_id)

    @needs("create_customer", "retrieve_customer", "add_card")
    def test_a_card_is_added(self, gateway: Gateway) -> None:
        """It has an id of its own, and the first one stays."""
        first = self.stored_card(gateway)
        added = self.add_card(gateway, first.customer_id, self.other_card())
        found = self.customer(gateway, first.customer_id)
        assert added.customer_id == first.customer_id
        assert added.last_4 == self.other_card().last_4
        assert {card.card_id for card in found.cards} == {first.card_id, added.card_id}
        assert len(found.cards) == 2
        assert {card.last_4 for card in found.cards} == {self.good_card().last_4, added.last_4}

    @needs("create_customer", "retrieve_customer", "add_card", "make_token")
    def test_a_card_is_added_by_a_token(self, gateway: Gateway) -> None:
        _, customer = self.stored(gateway)
        request = CardRequest(new_key(), customer.customer_id, self.make_token(gateway))
        added = gateway.add_card(request)
        assert isinstance(added, RemoteCard), f"a card is stored, not {added}"
        found = self.customer(gateway, customer.customer_id)
        assert [card.card_id for card in found.cards] == [added.card_id]

    @needs("create_customer", "retrieve_customer", "add_card")
    def test_the_same_card_again_is_not_stored_twice(self, gateway: Gateway) -> None:
        """It is refused as a duplicate, or answered with the id it has."""
        first = self.stored_card(gateway)
        request = CardRequest(new_key(), first.customer_id, self.as_sent(gateway, self.good_card()))
        again = gateway.add_card(request)
        if isinstance(again, Refusal):
            refusal = assert_refusal(again, ReasonKind.DUPLICATE_CARD)
            assert refusal.existing_id in ("", first.card_id)
        else:
            assert again.card_id == first.card_id
        assert len(self.customer(gateway, first.customer_id).cards) == 1

    @needs("add_card")
    def test_nobody_gets_no_card(self, gateway: Gateway) -> None:
        """A customer that the gateway does not know is a refusal."""
        request = CardRequest(new_key(), NOBODY, self.as_sent(gateway, self.good_card()))
        assert_refusal(gateway.add_card(request), ReasonKind.CUSTOMER_NOT_FOUND)

    @needs("create_customer", "retrieve_customer", "update_card")
    def test_an_update_changes_the_address_and_can_be_repeated(self, gateway: Gateway) -> None:
        """The number stays; an expiry date that is not given stays too."""
        stored = self.stored_card(gateway)
        before = self._card(gateway, stored)
        address = address_with(self.good_card().address, city="Bloomington", zip="47401")
        update = CardUpdate(new_key(), stored.customer_id, stored.card_id, address)
        for _ in range(2):
            assert isinstance(gateway.update_card(update), RemoteCard)
        after = self._card(gateway, stored)
        assert (after.address.city, after.address.zip) == ("Bloomington", "47401")
        assert after.address.first_name == before.address.first_name == "Ann"
        assert after.last_4 == before.last_4 == self.good_card().last_4
        assert (after.month, after.year) == (before.month, before.year)

    @needs("create_customer", "update_card", "charge")
    def test_a_card_can_be_charged_after_an_update(self, gateway: Gateway) -> None:
        """An update must not replace the number by its masked form."""
        stored, card = self.stored_card(gateway), self.good_card()
        year = (card.year or 0) + 1
        update = CardUpdate(
            new_key(), stored.customer_id, stored.card_id, card.address, month=1, year=year
        )
        changed = gateway.update_card(update)
        assert isinstance(changed, RemoteCard)
        assert changed.month in (None, 1)
        assert changed.year in (None, year)
        self.charged(gateway, StoredCard(stored.customer_id, changed.card_id))

    @needs("create_customer", "retrieve_customer", "update_card")
    def test_an_update_replaces_the_number(self, gateway: Gateway) -> None:
        """The customer has one card, with the new number's last four digits."""
        stored, card = self.stored_card(gateway), self.other_card()
        update = CardUpdate(
            new_key(),
            stored.customer_id,
            stored.card_id,
            card.address,
            month=card.month,
            year=card.year,
            card=self.as_sent(gateway, card),
        )
        changed = gateway.update_card(update)
        assert isinstance(changed, RemoteCard)
        found = self.customer(gateway, stored.customer_id)
        assert [(c.card_id, c.last_4) for c in found.cards] == [(changed.card_id, card.last_4)]

    @needs("create_customer", "update_card")
    def test_a_card_that_is_not_there_is_not_updated(self, gateway: Gateway) -> None:
        """It is refused, so that it can be marked as missing."""
        stored = self.stored_card(gateway)
        update = CardUpdate(new_key(), stored.customer_id, NOBODY, self.good_card().address)
        assert_refusal(gateway.update_card(update), ReasonKind.CARD_NOT_FOUND)

    @needs("create_customer", "retrieve_customer", "add_card", "delete_card")
    def test_a_card_is_deleted_once(self, gateway: Gateway) -> None:
        """The second delete succeeds without doing anything; the other card stays."""
        stored = self.stored_card(gateway)
        other = self.add_card(gateway, stored.customer_id, self.other_card())
        assert_done(gateway.delete_card(stored.customer_id, stored.card_id))
        assert_done(gateway.delete_card(stored.customer_id, stored.card_id), already=True)
        found = self.customer(gateway, stored.customer_id)
        assert [card.card_id for card in found.cards] == [other.card_id]

    @needs("create_customer", "delete_card", "charge")
    def test_a_deleted_card_is_not_charged(self, gateway: Gateway) -> None:
        """The charge is refused because the card is missing."""
        stored = self.stored_card(gateway)
        assert_done(gateway.delete_card(stored.customer_id, stored.card_id))
        _, result = self.charge(gateway, stored)
        assert ReasonKind.CARD_NOT_FOUND in assert_refused(result)

    @needs("create_customer", "validate_card")
    def test_a_good_card_is_valid(self, gateway: Gateway) -> None:
        """A validation takes no money."""
        stored, card = self.stored_card(gateway), self.good_card()
        result = gateway.validate_card(stored.customer_id, stored.card_id, card.cvv)
        assert_approved(result)
        assert_approved(gateway.validate_card(stored.customer_id, stored.card_id))

    @needs("create_customer", "validate_card", "cvv_card")
    def test_a_wrong_cvv_is_not_valid(self, gateway: Gateway) -> None:
        """It is an answer with its reason, not an error."""
        stored = self.stored_card(gateway)
        result = gateway.validate_card(stored.customer_id, stored.card_id, self.cvv_card().cvv)
        assert ReasonKind.CVV in assert_refused(result)

    @needs("validate_card")
    def test_a_card_that_is_not_there_is_not_valid(self, gateway: Gateway) -> None:
        """The refusal names what is missing."""
        kinds = set(assert_refused(gateway.validate_card(NOBODY, NOBODY)))
        assert kinds & {ReasonKind.CARD_NOT_FOUND, ReasonKind.CUSTOMER_NOT_FOUND}
