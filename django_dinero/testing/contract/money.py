"""The contract for charges: approved, declined and held ones."""

from __future__ import annotations

import threading
from decimal import Decimal

from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.exceptions import DineroError
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import (
    ChargeRequest,
    Refusal,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
)
from django_dinero.testing.contract.base import ContractBase, needs
from django_dinero.testing.contract.checks import assert_approved, assert_refused, kinds_of
from django_dinero.testing.contract.vault import NOBODY

#: The statuses of a captured charge: a bank may settle at once.
TAKEN = (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)


class MoneyContract(ContractBase):
    """Tests of charges and authorizations: exact amounts, our key, refusals as answers."""

    def _assert_agrees(self, request: ChargeRequest, result: TransactionResult) -> None:
        """Check that an answer agrees with its request, as far as the provider repeats the request.

        Services compare amount and key. If they differ, the operation needs attention.
        """
        assert isinstance(result.transaction_id, str)
        assert result.amount in (None, request.amount)
        assert result.currency in ("", request.currency)
        assert result.operation_key in ("", request.operation_key)
        if isinstance(request.source, CardDetails):
            assert result.last_4 in ("", request.source.last_4)

    def _assert_recorded(self, request: ChargeRequest, found: RemoteTransaction) -> None:
        assert found.amount == request.amount
        assert isinstance(found.amount, Decimal)
        assert found.currency == request.currency
        assert found.operation_key == request.operation_key
        assert found.submitted_at is None or found.submitted_at.tzinfo is not None

    @needs("charge", "retrieve_transaction")
    def test_a_charge_is_recorded_as_it_was_asked(self, gateway: Gateway) -> None:
        """Amount, currency, our key and the card's last digits; nothing is rounded."""
        card = self.good_card()
        request, result = self.charge(gateway, card)
        self._assert_agrees(request, assert_approved(result))
        found = self.remote(gateway, result.transaction_id)
        self._assert_recorded(request, found)
        assert found.kind is TransactionKind.CHARGE
        assert found.status in TAKEN
        assert found.settled_amount in (None, request.amount)
        assert found.last_4 in ("", card.last_4)

    @needs("charge", "retrieve_transaction")
    def test_an_authorization_takes_nothing_yet(self, gateway: Gateway) -> None:
        """The authorization waits to be captured."""
        request, result = self.charge(gateway, capture=False)
        self._assert_agrees(request, assert_approved(result))
        found = self.remote(gateway, result.transaction_id)
        self._assert_recorded(request, found)
        assert found.kind is TransactionKind.AUTHORIZATION
        assert found.status is RemoteStatus.AUTHORIZED
        # Some providers show here what will be settled if it is captured whole.
        assert not found.settled_amount or found.settled_amount == request.amount

    @needs("charge", "create_customer", "retrieve_transaction")
    def test_a_stored_card_is_charged(self, gateway: Gateway) -> None:
        """The gateway names the card by its ids, or not at all."""
        stored = self.stored_card(gateway)
        request, transaction_id = self.charged(gateway, stored)
        found = self.remote(gateway, transaction_id)
        self._assert_recorded(request, found)
        assert found.customer_id in ("", stored.customer_id)
        assert found.card_id in ("", stored.card_id)

    @needs("charge", "create_customer", "retrieve_transaction")
    def test_a_stored_card_is_charged_by_the_merchant(self, gateway: Gateway) -> None:
        """A charge without the cardholder present sends the stored-credential flags."""
        stored = self.stored_card(gateway)
        first, result = self.charge(gateway, stored, stores_card=True)
        again, transaction_id = self.charged(
            gateway,
            stored,
            initiator="merchant",
            network_transaction_id=assert_approved(result).network_transaction_id,
            original_amount=first.amount,
        )
        self._assert_recorded(again, self.remote(gateway, transaction_id))

    @needs("charge", "create_customer")
    def test_a_card_that_is_not_stored_is_not_charged(self, gateway: Gateway) -> None:
        """It is refused for the card or the customer that is not there."""
        stored = self.stored_card(gateway)
        missing = {ReasonKind.CARD_NOT_FOUND, ReasonKind.CUSTOMER_NOT_FOUND}
        for source in (StoredCard(stored.customer_id, NOBODY), StoredCard(NOBODY, NOBODY)):
            _, result = self.charge(gateway, source)
            assert missing & set(assert_refused(result))

    @needs("charge", "retrieve_transaction", "make_token")
    def test_a_token_is_charged(self, gateway: Gateway) -> None:
        request, transaction_id = self.charged(gateway, self.make_token(gateway))
        self._assert_recorded(request, self.remote(gateway, transaction_id))

    @needs("charge", "retrieve_transaction")
    def test_an_order_reference_comes_back(self, gateway: Gateway) -> None:
        """It comes back whole or not at all, perhaps in one text with the description."""
        request, transaction_id = self.charged(
            gateway, order_reference="A-1", description="Tea & <scones>"
        )
        found = self.remote(gateway, transaction_id)
        assert found.order_reference in ("", request.order_reference)
        assert found.description == "" or request.description in found.description

    # -- Refusals -------------------------------------------------------------------------------

    @needs("charge")
    def test_a_decline_is_an_answer_not_an_error(self, gateway: Gateway) -> None:
        """The answer says why, and another card is approved after it."""
        request, result = self.charge(gateway, self.declined_card())
        assert result.outcome is ResultStatus.DECLINED
        assert ReasonKind.CARD_DECLINED in assert_refused(result)
        self._assert_agrees(request, result)
        self.charged(gateway, self.good_card())

    @needs("charge", "retrieve_transaction")
    def test_a_recorded_decline_is_a_decline(self, gateway: Gateway) -> None:
        """If the provider records declined charges, it never shows one as captured."""
        _, result = self.charge(gateway, self.declined_card())
        found = gateway.retrieve_transaction(result.transaction_id or NOBODY)
        if isinstance(found, RemoteTransaction):
            assert found.status in (RemoteStatus.DECLINED, RemoteStatus.FAILED)

    @needs("charge", "avs_card")
    def test_a_wrong_address_is_declined_as_that(self, gateway: Gateway) -> None:
        """The reason is AVS, not CVV."""
        _, result = self.charge(gateway, self.avs_card())
        assert result.outcome is ResultStatus.DECLINED
        kinds = assert_refused(result)
        assert ReasonKind.AVS in kinds
        assert ReasonKind.CVV not in kinds

    @needs("charge", "cvv_card")
    def test_a_wrong_cvv_is_declined_as_that(self, gateway: Gateway) -> None:
        """The reason is CVV, not AVS."""
        _, result = self.charge(gateway, self.cvv_card())
        assert result.outcome is ResultStatus.DECLINED
        kinds = assert_refused(result)
        assert ReasonKind.CVV in kinds
        assert ReasonKind.AVS not in kinds

    @needs("charge", "both_card")
    def test_a_wrong_address_and_a_wrong_cvv_are_both_named(self, gateway: Gateway) -> None:
        """Neither hides the other."""
        _, result = self.charge(gateway, self.both_card())
        assert result.outcome is ResultStatus.DECLINED
        assert {ReasonKind.AVS, ReasonKind.CVV} <= set(assert_refused(result))

    @needs("charge")
    def test_no_answer_repeats_the_card(self, gateway: Gateway) -> None:
        """No answer contains the card number, neither an approval nor a refusal."""
        for card in (self.good_card(), self.declined_card()):
            _, result = self.charge(gateway, card)
            assert card.number.reveal() not in repr(result)
            for reason in result.reasons:
                assert card.number.reveal() not in reason.text

    @needs("charge", "retrieve_transaction")
    def test_a_transaction_that_is_not_there_is_not_found(self, gateway: Gateway) -> None:
        """The answer is a refusal, not an exception."""
        found = gateway.retrieve_transaction(NOBODY)
        assert isinstance(found, Refusal), f"a Refusal, not {found}"
        assert ReasonKind.INVALID_TRANSACTION in kinds_of(found)

    # -- Keys, review, threads ------------------------------------------------------------------

    @needs("charge")
    def test_the_same_key_again(self, gateway: Gateway) -> None:
        """A gateway that honours keys answers with the first charge.

        Any other may refuse the charge as a duplicate or for its used token, may say that it was
        done ``already``, or may charge again under a new id.
        """
        request, first = self.charged(gateway)
        again = gateway.charge(request)
        if gateway.honours_operation_key:
            assert assert_approved(again).transaction_id == first
            assert again.amount in (None, request.amount)
        elif again.outcome is ResultStatus.APPROVED:
            assert (again.transaction_id == first) is again.already
        elif isinstance(request.source, PaymentToken):
            expected = {ReasonKind.DUPLICATE_TRANSACTION, ReasonKind.INVALID_CARD}
            assert expected & set(assert_refused(again))
        else:
            assert ReasonKind.DUPLICATE_TRANSACTION in assert_refused(again)

    @needs("charge", "retrieve_transaction", "hold_next")
    def test_a_held_charge_is_neither_paid_nor_declined(self, gateway: Gateway) -> None:
        """It has an id by which it can be approved later."""
        self.hold_next(gateway)
        request, result = self.charge(gateway)
        assert result.outcome is ResultStatus.HELD
        self._assert_agrees(request, result)
        found = self.remote(gateway, result.transaction_id)
        assert found.status is RemoteStatus.HELD
        assert found.amount == request.amount

    @needs("charge", "retrieve_transaction")
    def test_many_threads_use_one_instance(self, gateway: Gateway) -> None:
        """Each thread gets the answer to its own charge."""
        answers: list[tuple[ChargeRequest, TransactionResult]] = []
        errors: list[BaseException] = []
        barrier = threading.Barrier(6)

        def work() -> None:
            try:
                barrier.wait(timeout=10)
                answers.extend(self.charge(gateway) for _ in range(3))
            except (AssertionError, DineroError, threading.BrokenBarrierError) as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len({result.transaction_id for _, result in answers}) == 18
        for request, result in answers:
            self._assert_agrees(request, assert_approved(result))
            self._assert_recorded(request, self.remote(gateway, result.transaction_id))
