"""The contract for follow-ups of a charge: captures, voids, refunds and reviews."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from django_dinero.enums import ReasonKind, RemoteStatus, ResultStatus, TransactionKind
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import ChargeRequest, FollowUpRequest, TransactionResult
from django_dinero.identifiers import new_key
from django_dinero.testing.contract.base import ContractBase, needs
from django_dinero.testing.contract.checks import assert_approved, assert_refused
from django_dinero.testing.contract.money import TAKEN
from django_dinero.testing.contract.vault import NOBODY


class FollowUpContract(ContractBase):
    """Tests that follow-ups move exactly the requested amount, once."""

    def _assert_moved(
        self, request: FollowUpRequest, result: TransactionResult
    ) -> TransactionResult:
        assert assert_approved(result).amount in (None, request.amount)
        assert result.currency in ("", request.currency)
        assert result.operation_key in ("", request.operation_key)
        return result

    def _unknown_follow_up(self, gateway: Gateway) -> FollowUpRequest:
        amount = self.amount(gateway)
        return FollowUpRequest(new_key(), NOBODY, amount, gateway.currency, last_4="1111")

    def _settled_charge(self, gateway: Gateway) -> tuple[ChargeRequest, str]:
        request, transaction_id = self.charged(gateway)
        self.settle_batch(gateway)
        assert self.remote(gateway, transaction_id).status is RemoteStatus.SETTLED
        return request, transaction_id

    # -- Captures -------------------------------------------------------------------------------

    @needs("charge", "capture", "retrieve_transaction")
    def test_an_authorization_is_captured_whole(self, gateway: Gateway) -> None:
        """The bank takes what was authorized."""
        request, transaction_id = self.charged(gateway, capture=False)
        capture = self.follow_up(request, transaction_id)
        self._assert_moved(capture, gateway.capture(capture))
        found = self.remote(gateway, transaction_id)
        assert found.status in TAKEN
        assert (found.amount, found.settled_amount) == (request.amount, request.amount)

    @needs("charge", "capture", "retrieve_transaction")
    def test_an_authorization_is_captured_in_part(self, gateway: Gateway) -> None:
        """The bank takes only that part."""
        request, transaction_id = self.charged(gateway, capture=False)
        part = self.part(gateway, request.amount)
        capture = self.follow_up(request, transaction_id, part)
        self._assert_moved(capture, gateway.capture(capture))
        found = self.remote(gateway, transaction_id)
        assert found.status in TAKEN
        assert found.settled_amount == part

    @needs("charge", "capture", "retrieve_transaction")
    def test_no_more_is_captured_than_was_authorized(self, gateway: Gateway) -> None:
        """It is refused, and the authorization stays."""
        request, transaction_id = self.charged(gateway, capture=False)
        assert_refused(gateway.capture(self.follow_up(request, transaction_id, request.amount * 2)))
        assert self.remote(gateway, transaction_id).status is RemoteStatus.AUTHORIZED

    @needs("charge", "capture", "retrieve_transaction")
    def test_nothing_is_captured_twice(self, gateway: Gateway) -> None:
        """The second capture is refused, or says ``already``."""
        request, transaction_id = self.charged(gateway, capture=False)
        part = self.part(gateway, request.amount)
        assert_approved(gateway.capture(self.follow_up(request, transaction_id, part)))
        again = gateway.capture(self.follow_up(request, transaction_id, part))
        if not again.already:
            assert_refused(again)
        assert self.remote(gateway, transaction_id).settled_amount == part

    @needs("capture")
    def test_nothing_unknown_is_captured(self, gateway: Gateway) -> None:
        """A transaction that is not there is a refusal."""
        assert_refused(gateway.capture(self._unknown_follow_up(gateway)))

    # -- Voids ----------------------------------------------------------------------------------

    @needs("charge", "void", "retrieve_transaction")
    def test_what_is_not_settled_is_voided_once(self, gateway: Gateway) -> None:
        """The second void says ``already``: nothing was voided by it."""
        for capture in (False, True):
            request, transaction_id = self.charged(gateway, capture=capture)
            first = gateway.void(self.follow_up(request, transaction_id))
            assert not assert_approved(first).already
            assert self.remote(gateway, transaction_id).status is RemoteStatus.VOIDED
            again = gateway.void(self.follow_up(request, transaction_id))
            assert again.already, f"it was voided before: {again}"
            if again.outcome is not ResultStatus.APPROVED:
                assert ReasonKind.INVALID_TRANSACTION in assert_refused(again)
            assert self.remote(gateway, transaction_id).status is RemoteStatus.VOIDED

    @needs("charge", "void", "capture", "retrieve_transaction")
    def test_nothing_voided_is_captured(self, gateway: Gateway) -> None:
        """It stays voided."""
        request, transaction_id = self.charged(gateway, capture=False)
        assert_approved(gateway.void(self.follow_up(request, transaction_id)))
        assert_refused(gateway.capture(self.follow_up(request, transaction_id)))
        assert self.remote(gateway, transaction_id).status is RemoteStatus.VOIDED

    @needs("charge", "void", "settle_batch", "retrieve_transaction")
    def test_what_is_settled_is_not_voided(self, gateway: Gateway) -> None:
        """It has to be refunded."""
        request, transaction_id = self._settled_charge(gateway)
        assert_refused(gateway.void(self.follow_up(request, transaction_id)))
        assert self.remote(gateway, transaction_id).status is RemoteStatus.SETTLED

    @needs("void")
    def test_nothing_unknown_is_voided(self, gateway: Gateway) -> None:
        """A transaction that is not there is a refusal."""
        assert_refused(gateway.void(self._unknown_follow_up(gateway)))

    # -- Refunds --------------------------------------------------------------------------------

    def _refund(
        self, gateway: Gateway, request: ChargeRequest, transaction_id: str, amount: Decimal
    ) -> str:
        refund = self.follow_up(request, transaction_id, amount)
        result = self._assert_moved(refund, gateway.refund(refund))
        assert result.transaction_id not in ("", transaction_id), "a refund has an id of its own"
        found = self.remote(gateway, result.transaction_id)
        assert found.kind is TransactionKind.REFUND
        assert found.amount == amount
        assert found.parent_id in ("", transaction_id)
        assert found.operation_key == refund.operation_key
        return result.transaction_id

    @needs("charge", "refund", "settle_batch", "retrieve_transaction")
    def test_a_charge_is_refunded_in_parts_and_no_further(self, gateway: Gateway) -> None:
        """Each part is a transaction of its own; more than the rest is refused."""
        request, transaction_id = self._settled_charge(gateway)
        part = self.part(gateway, request.amount)
        rest = request.amount - part
        first = self._refund(gateway, request, transaction_id, part)
        assert_refused(gateway.refund(self.follow_up(request, transaction_id, part)))
        second = self._refund(gateway, request, transaction_id, rest)
        assert first != second
        assert_refused(gateway.refund(self.follow_up(request, transaction_id, rest)))
        assert self.remote(gateway, transaction_id).amount == request.amount

    @needs("charge", "refund", "settle_batch", "retrieve_transaction", "create_customer")
    def test_a_charge_of_a_stored_card_is_refunded(self, gateway: Gateway) -> None:
        """By the ids of the card."""
        request, transaction_id = self.charged(gateway, self.stored_card(gateway))
        self.settle_batch(gateway)
        self._refund(gateway, request, transaction_id, request.amount)

    @needs("charge", "refund", "settle_batch", "retrieve_transaction")
    def test_no_more_is_refunded_than_was_taken(self, gateway: Gateway) -> None:
        """It is refused, and the whole can be refunded after it."""
        request, transaction_id = self._settled_charge(gateway)
        assert_refused(gateway.refund(self.follow_up(request, transaction_id, request.amount * 2)))
        self._refund(gateway, request, transaction_id, request.amount)

    @needs("refund")
    def test_nothing_unknown_is_refunded(self, gateway: Gateway) -> None:
        """A transaction that is not there is a refusal."""
        assert_refused(gateway.refund(self._unknown_follow_up(gateway)))

    # -- Reviews --------------------------------------------------------------------------------

    def _decide_review(
        self, gateway: Gateway, action: Literal["approve", "decline"]
    ) -> tuple[TransactionResult, RemoteStatus]:
        self.hold_next(gateway)
        request, result = self.charge(gateway)
        assert result.outcome is ResultStatus.HELD
        answer = gateway.decide_review(self.follow_up(request, result.transaction_id), action)
        return answer, self.remote(gateway, result.transaction_id).status

    @needs("charge", "decide_review", "hold_next", "retrieve_transaction")
    def test_a_held_charge_is_released(self, gateway: Gateway) -> None:
        """It is paid after that."""
        answer, status = self._decide_review(gateway, "approve")
        assert_approved(answer)
        assert status in TAKEN

    @needs("charge", "decide_review", "hold_next", "retrieve_transaction")
    def test_a_held_charge_is_refused(self, gateway: Gateway) -> None:
        """It is not paid. The answer is an approval of the decision, or a declined charge."""
        answer, status = self._decide_review(gateway, "decline")
        assert answer.outcome in (ResultStatus.APPROVED, ResultStatus.DECLINED)
        assert status in (RemoteStatus.DECLINED, RemoteStatus.VOIDED)

    @needs("decide_review")
    def test_nothing_unknown_is_released(self, gateway: Gateway) -> None:
        """A transaction that is not there is a refusal."""
        assert_refused(gateway.decide_review(self._unknown_follow_up(gateway), "approve"))
