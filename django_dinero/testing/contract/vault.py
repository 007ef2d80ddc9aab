"""The contract for customers: storing, finding, changing and deleting them."""

from __future__ import annotations

from dataclasses import replace

from django_dinero.enums import ReasonKind
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import CustomerRequest, CustomerUpdate, Refusal, RemoteCustomer
from django_dinero.identifiers import new_key
from django_dinero.testing.contract.base import ContractBase, needs
from django_dinero.testing.contract.checks import address_with, assert_done, assert_refusal

#: An id that no customer, card or transaction has.
NOBODY = "999999999"


class VaultContract(ContractBase):
    """Tests of customers: every verb returns a typed answer, and repeating one does no harm."""

    @needs("create_customer", "retrieve_customer")
    def test_a_customer_is_stored_with_our_key(self, gateway: Gateway) -> None:
        """The gateway shows what was sent."""
        request, created = self.stored(gateway)
        found = self.customer(gateway, created.customer_id)
        assert (found.customer_key, found.email) == (request.customer_key, request.email)
        # Not every provider has fields for a name; one that has shows what was sent.
        assert found.first_name in ("", request.first_name)
        assert found.last_name in ("", request.last_name)
        assert found.cards == ()
        assert created.cards == ()

    @needs("create_customer", "retrieve_customer")
    def test_a_customer_is_stored_with_a_first_card(self, gateway: Gateway) -> None:
        """The answer names the card's id; the gateway shows its last four digits."""
        card = self.good_card()
        _, created = self.stored(gateway, card)
        found = self.customer(gateway, created.customer_id)
        assert [c.card_id for c in created.cards] == [c.card_id for c in found.cards]
        assert len(found.cards) == 1
        assert found.cards[0].card_id
        assert found.cards[0].customer_id == created.customer_id
        assert found.cards[0].last_4 == created.cards[0].last_4 == card.last_4

    @needs("create_customer", "retrieve_customer", "make_token")
    def test_a_customer_is_stored_with_a_token(self, gateway: Gateway) -> None:
        _, created = self.stored(gateway, self.make_token(gateway))
        found = self.customer(gateway, created.customer_id)
        assert len(found.cards) == 1
        assert len(found.cards[0].last_4) == 4

    @needs("create_customer")
    def test_the_same_customer_again(self, gateway: Gateway) -> None:
        """It is refused as a duplicate, or stored as the same customer or another; no exception."""
        request, created = self.stored(gateway)
        again = gateway.create_customer(request)
        if isinstance(again, Refusal):
            refusal = assert_refusal(again, ReasonKind.DUPLICATE_CUSTOMER)
            assert refusal.existing_id in ("", created.customer_id)
        else:
            assert isinstance(again, RemoteCustomer)
            assert again.customer_id
        if gateway.honours_operation_key:
            assert isinstance(again, RemoteCustomer)
            assert again.customer_id == created.customer_id

    @needs("retrieve_customer")
    def test_nobody_is_not_found(self, gateway: Gateway) -> None:
        """An id that the gateway does not know is a refusal, not an error."""
        assert_refusal(gateway.retrieve_customer(NOBODY), ReasonKind.CUSTOMER_NOT_FOUND)

    @needs("create_customer", "retrieve_customer", "update_customer")
    def test_an_update_writes_the_whole_state_and_can_be_repeated(self, gateway: Gateway) -> None:
        """The same update twice has the effect of one, and does not touch cards."""
        request, created = self.stored(gateway, self.good_card())
        update = CustomerUpdate(
            operation_key=new_key(),
            customer_id=created.customer_id,
            customer_key=request.customer_key,
            email=f"new-{request.email}",
            first_name="Beth",
            last_name="Other",
        )
        assert_done(gateway.update_customer(update))
        assert_done(gateway.update_customer(update))
        found = self.customer(gateway, created.customer_id)
        assert (found.customer_key, found.email) == (request.customer_key, update.email)
        assert found.first_name in ("", "Beth")
        assert found.last_name in ("", "Other")
        assert [card.card_id for card in found.cards] == [created.cards[0].card_id]

    @needs("update_customer")
    def test_nobody_is_not_updated(self, gateway: Gateway) -> None:
        """An update of a missing customer is refused, so that its row can be marked."""
        update = CustomerUpdate(new_key(), NOBODY, new_key(), "nobody@example.com")
        assert_refusal(gateway.update_customer(update), ReasonKind.CUSTOMER_NOT_FOUND)

    @needs("create_customer", "delete_customer")
    def test_deleting_twice_is_a_success(self, gateway: Gateway) -> None:
        """The second delete says that there was nothing left to do."""
        _, created = self.stored(gateway, self.good_card())
        assert_done(gateway.delete_customer(created.customer_id))
        assert_done(gateway.delete_customer(created.customer_id), already=True)
        assert_done(gateway.delete_customer(NOBODY), already=True)

    @needs("create_customer", "delete_customer", "retrieve_customer")
    def test_a_deleted_customer_is_gone(self, gateway: Gateway) -> None:
        """It can no longer be retrieved; other customers stay."""
        _, gone = self.stored(gateway)
        _, stays = self.stored(gateway)
        assert_done(gateway.delete_customer(gone.customer_id))
        assert_refusal(gateway.retrieve_customer(gone.customer_id), ReasonKind.CUSTOMER_NOT_FOUND)
        self.customer(gateway, stays.customer_id)

    @needs("create_customer", "retrieve_customer")
    def test_texts_come_back_as_they_were_sent(self, gateway: Gateway) -> None:
        """Markup, quotes and letters beyond ASCII are escaped on the way and not lost."""
        key = new_key()
        card = self.good_card()
        names = address_with(card.address, first_name="Zo\u00eb", last_name="O'Neil & <Sons>")
        request = CustomerRequest(
            operation_key=new_key(),
            customer_key=key,
            email=f"o'neil+{key.lower()}@example.com",
            card=self.as_sent(gateway, replace(card, address=names)),
        )
        created = gateway.create_customer(request)
        assert isinstance(created, RemoteCustomer)
        found = self.customer(gateway, created.customer_id)
        assert found.email == request.email
        assert found.cards[0].address.first_name == "Zo\u00eb"
        assert found.cards[0].address.last_name == "O'Neil & <Sons>"
