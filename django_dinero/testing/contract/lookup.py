"""The contract for look-ups after a lost reply, for lists, and for webhooks."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal

import pytest

from django_dinero.enums import RemoteStatus, TransactionKind
from django_dinero.exceptions import AuthenticationError, OutcomeUnknown
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import (
    CardRequest,
    ChargeRequest,
    CredentialsCheck,
    CustomerRequest,
    LookupHints,
    LookupResult,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    WebhookNotice,
)
from django_dinero.identifiers import new_key
from django_dinero.testing.contract.base import ContractBase, needs
from django_dinero.testing.contract.checks import assert_approved


def an_hour_ago() -> datetime.datetime:
    """Return a time before everything that a test does."""
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)


class LookupContract(ContractBase):
    """Tests that what a lost reply left can be found, and that absence can be proven."""

    def _hints(self, kind: str, **values: object) -> LookupHints:
        return LookupHints(**{"kind": kind, "since": an_hour_ago(), **values})  # type: ignore[arg-type]

    def test_the_clock_is_aware(self, gateway: Gateway) -> None:
        """``clock()`` tells an aware time, or None where no search hangs on it."""
        now = gateway.clock()
        assert now is None or now.tzinfo is not None, "clock() is naive"

    def _charge_hints(self, request: ChargeRequest) -> LookupHints:
        return self._hints(
            "charge" if request.capture else "authorize",
            amount=request.amount,
            currency=request.currency,
            last_4=self.good_card().last_4,
        )

    def _only_match(self, found: LookupResult) -> RemoteTransaction:
        assert len(found.matches) == 1, f"one match, not {found.matches}"
        match = found.matches[0]
        assert isinstance(match, RemoteTransaction)
        return match

    def _assert_absent(self, found: LookupResult) -> None:
        assert isinstance(found, LookupResult)
        assert found.matches == (), f"nothing was sent by this key: {found.matches}"
        assert found.complete is True, "the search was complete"

    # -- Charges --------------------------------------------------------------------------------

    @needs("charge", "find_operation")
    def test_a_charge_is_found_by_its_key(self, gateway: Gateway) -> None:
        """The look-up finds this charge only, with the requested amount."""
        for capture in (True, False):
            request, transaction_id = self.charged(gateway, capture=capture)
            self.charged(gateway, capture=capture)
            hints = self._charge_hints(request)
            match = self._only_match(gateway.find_operation(request.operation_key, hints))
            assert match.transaction_id == transaction_id
            assert match.operation_key == request.operation_key
            assert (match.amount, match.currency) == (request.amount, request.currency)
            assert match.kind is (
                TransactionKind.CHARGE if capture else TransactionKind.AUTHORIZATION
            )

    @needs("charge", "find_operation")
    def test_a_charge_that_was_never_sent_is_proven_absent(self, gateway: Gateway) -> None:
        """A charge with another key does not match."""
        request, _ = self.charged(gateway)
        self._assert_absent(gateway.find_operation(new_key(), self._charge_hints(request)))

    @needs("charge", "find_operation", "lose_reply")
    def test_a_charge_without_a_reply_is_found(self, gateway: Gateway) -> None:
        """The call raises OutcomeUnknown, and the look-up finds the charge."""
        card = self.as_sent(gateway, self.good_card())
        request = ChargeRequest(new_key(), self.amount(gateway), gateway.currency, card)
        self._assert_reply_is_lost(gateway, lambda: gateway.charge(request))
        hints = self._charge_hints(request)
        match = self._only_match(gateway.find_operation(request.operation_key, hints))
        assert match.amount == request.amount
        assert match.status in (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)

    def _assert_reply_is_lost(self, gateway: Gateway, call: object) -> None:
        assert callable(call)
        with self.lose_reply(gateway):
            try:
                answer = call()
            except OutcomeUnknown:
                return
        raise AssertionError(f"OutcomeUnknown is raised for a lost reply, not {answer!r}")

    # -- Follow-ups -----------------------------------------------------------------------------

    @needs("charge", "capture", "find_operation")
    def test_a_capture_is_found_once_it_is_made(self, gateway: Gateway) -> None:
        """Before that, the authorization alone does not match."""
        request, transaction_id = self.charged(gateway, capture=False)
        capture = self.follow_up(request, transaction_id, self.part(gateway, request.amount))
        hints = self._follow_up_hints("capture", request, transaction_id, capture.amount)
        self._assert_absent(gateway.find_operation(capture.operation_key, hints))
        assert_approved(gateway.capture(capture))
        match = self._only_match(gateway.find_operation(capture.operation_key, hints))
        assert match.status in (RemoteStatus.CAPTURED, RemoteStatus.SETTLED)

    @needs("charge", "void", "find_operation")
    def test_a_void_is_found_once_it_is_made(self, gateway: Gateway) -> None:
        """Before that, the charge alone does not match."""
        request, transaction_id = self.charged(gateway)
        void = self.follow_up(request, transaction_id)
        hints = self._follow_up_hints("void", request, transaction_id, void.amount)
        self._assert_absent(gateway.find_operation(void.operation_key, hints))
        assert_approved(gateway.void(void))
        match = self._only_match(gateway.find_operation(void.operation_key, hints))
        assert match.status is RemoteStatus.VOIDED

    @needs("charge", "refund", "settle_batch", "find_operation")
    def test_a_refund_is_found_by_its_key(self, gateway: Gateway) -> None:
        """Another refund of the same charge does not match."""
        request, transaction_id = self.charged(gateway)
        self.settle_batch(gateway)
        refund = self.follow_up(request, transaction_id, self.part(gateway, request.amount))
        hints = self._follow_up_hints("refund", request, transaction_id, refund.amount)
        self._assert_absent(gateway.find_operation(refund.operation_key, hints))
        result = assert_approved(gateway.refund(refund))
        match = self._only_match(gateway.find_operation(refund.operation_key, hints))
        assert match.transaction_id == result.transaction_id
        assert (match.kind, match.amount) == (TransactionKind.REFUND, refund.amount)
        self._assert_absent(gateway.find_operation(new_key(), hints))

    def _follow_up_hints(
        self, kind: str, request: ChargeRequest, transaction_id: str, amount: Decimal
    ) -> LookupHints:
        return self._hints(
            kind,
            transaction_id=transaction_id,
            amount=amount,
            currency=request.currency,
            last_4=self.good_card().last_4,
        )

    # -- The vault ------------------------------------------------------------------------------

    @needs("create_customer", "find_operation")
    def test_a_customer_is_found_by_our_key(self, gateway: Gateway) -> None:
        """A key that no customer has is proven absent."""
        request, created = self.stored(gateway, self.good_card())
        hints = self._hints("create_customer", customer_key=request.customer_key)
        found = gateway.find_operation(request.operation_key, hints)
        assert [type(match) for match in found.matches] == [RemoteCustomer]
        assert found.matches[0].customer_id == created.customer_id
        nobody = self._hints("create_customer", customer_key=new_key())
        self._assert_absent(gateway.find_operation(new_key(), nobody))

    @needs("create_customer", "find_operation", "lose_reply")
    def test_a_customer_without_a_reply_is_found(self, gateway: Gateway) -> None:
        """It is found by our key, since nothing else is known of it."""
        card = self.as_sent(gateway, self.good_card())
        request = CustomerRequest(new_key(), new_key(), "lost@example.com", card=card)
        self._assert_reply_is_lost(gateway, lambda: gateway.create_customer(request))
        hints = self._hints("create_customer", customer_key=request.customer_key)
        found = gateway.find_operation(request.operation_key, hints)
        assert [type(match) for match in found.matches] == [RemoteCustomer]

    @needs("create_customer", "add_card", "find_operation")
    def test_a_card_is_found_among_those_that_were_known(self, gateway: Gateway) -> None:
        """The match is the card that is not among the known ones; without one it is absent."""
        stored = self.stored_card(gateway)
        hints = self._hints(
            "add_card",
            customer_id=stored.customer_id,
            last_4=self.other_card().last_4,
            known_card_ids=frozenset({stored.card_id}),
        )
        card = self.as_sent(gateway, self.other_card())
        request = CardRequest(new_key(), stored.customer_id, card)
        self._assert_absent(gateway.find_operation(request.operation_key, hints))
        added = gateway.add_card(request)
        assert isinstance(added, RemoteCard)
        found = gateway.find_operation(request.operation_key, hints)
        assert [type(match) for match in found.matches] == [RemoteCard]
        match = found.matches[0]
        assert isinstance(match, RemoteCard)
        assert (match.customer_id, match.card_id) == (stored.customer_id, added.card_id)


class ListContract(ContractBase):
    """Tests of lists (lazy and complete), of credentials and of webhooks."""

    @needs("create_customer", "iter_customers")
    def test_all_customers_are_gone_through_lazily(self, gateway: Gateway) -> None:
        """Each customer is listed once, with key and cards."""
        stored = [self.stored(gateway, self.good_card()) for _ in range(3)]
        walk = gateway.iter_customers()
        assert isinstance(walk, Iterator), "an iterator, not a list: an account may have millions"
        found = {customer.customer_id: customer for customer in walk}
        for request, created in stored:
            customer = found[created.customer_id]
            assert (customer.customer_key, customer.email) == (request.customer_key, request.email)
            assert [c.card_id for c in customer.cards] == [c.card_id for c in created.cards]
        assert len([c.customer_id for c in gateway.iter_customers()]) == len(found)

    @needs("create_customer", "iter_customers")
    def test_a_walk_through_customers_can_go_on_later(self, gateway: Gateway) -> None:
        """It goes on behind the one that is named; what was stored meanwhile is not left out."""
        for _ in range(2):
            self.stored(gateway, self.good_card())
        before = [customer.customer_id for customer in gateway.iter_customers()]
        _, new = self.stored(gateway, self.good_card())
        rest = [customer.customer_id for customer in gateway.iter_customers(after=before[-2])]
        assert before[-2] not in rest
        assert {before[-1], new.customer_id} <= set(rest)

    @needs("charge", "iter_transactions")
    def test_all_transactions_are_gone_through_lazily(self, gateway: Gateway) -> None:
        """Each transaction is listed once, with amount and key; older ones can be left out."""
        charges = [self.charged(gateway, capture=capture) for capture in (True, False, True)]
        walk = gateway.iter_transactions(an_hour_ago())
        assert isinstance(walk, Iterator), "an iterator, not a list: an account may have millions"
        listed = list(walk)
        found = {remote.transaction_id: remote for remote in listed}
        assert len(found) == len(listed), "each once"
        for request, transaction_id in charges:
            remote = found[transaction_id]
            assert (remote.amount, remote.currency) == (request.amount, request.currency)
            assert remote.operation_key == request.operation_key
            assert remote.kind is (
                TransactionKind.CHARGE if request.capture else TransactionKind.AUTHORIZATION
            )
        tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
        until = {each.transaction_id for each in gateway.iter_transactions(an_hour_ago(), tomorrow)}
        assert until >= {transaction_id for _, transaction_id in charges}, "made before that"
        later = {remote.transaction_id for remote in gateway.iter_transactions(tomorrow)}
        assert later.isdisjoint(transaction_id for _, transaction_id in charges)

    @needs("charge", "iter_transactions", "settle_batch")
    def test_settled_transactions_are_listed_too(self, gateway: Gateway) -> None:
        """Transactions of a closed batch are listed, with its time, as well as those that wait."""
        _, settled = self.charged(gateway)
        self.settle_batch(gateway)
        _, waiting = self.charged(gateway)
        found = {r.transaction_id: r for r in gateway.iter_transactions(an_hour_ago())}
        assert found[settled].status is RemoteStatus.SETTLED
        assert found[waiting].status is RemoteStatus.CAPTURED
        for remote in (found[waiting], self._retrieved(gateway, waiting)):
            assert remote.settled_at is None, "it has not settled"
            assert remote.batch_id == "", "no batch has it"
        listed, retrieved = found[settled], self._retrieved(gateway, settled)
        assert listed.settled_at is not None, "settled_at says when the bank settled it"
        assert listed.settled_at.tzinfo is not None, "settled_at is naive"
        assert listed.settled_at == retrieved.settled_at, "the list and the transaction agree"
        assert listed.batch_id == retrieved.batch_id, "the list and the transaction agree"

    def _retrieved(self, gateway: Gateway, transaction_id: str) -> RemoteTransaction:
        remote = gateway.retrieve_transaction(transaction_id)
        assert isinstance(remote, RemoteTransaction)
        return remote

    @needs("check_credentials")
    def test_our_credentials_are_accepted(self, gateway: Gateway) -> None:
        """The result is an answer."""
        verdict = gateway.check_credentials()
        assert isinstance(verdict, CredentialsCheck)
        assert verdict.accepted is True

    @needs("check_credentials", "impostor")
    def test_other_credentials_are_not_accepted(self) -> None:
        """The result is an answer, not an exception."""
        verdict = self.impostor().check_credentials()
        assert isinstance(verdict, CredentialsCheck)
        assert verdict.accepted is False

    @needs("iter_customers", "impostor")
    def test_other_credentials_see_no_customers(self) -> None:
        """The list raises, since it cannot answer; the error's type tells why."""
        with pytest.raises(AuthenticationError):
            list(self.impostor().iter_customers())

    @needs("iter_transactions", "impostor")
    def test_other_credentials_see_no_transactions(self) -> None:
        """The list raises, since it cannot answer; the error's type tells why."""
        with pytest.raises(AuthenticationError):
            list(self.impostor().iter_transactions(an_hour_ago()))

    @needs("parse_webhook")
    def test_a_webhook_without_a_signature_is_refused(self, gateway: Gateway) -> None:
        """Any sender could forge it."""
        for headers, body in (({}, b"{}"), ({}, b""), ({"X-Signature": "00"}, b"\xff\x00")):
            assert isinstance(gateway.parse_webhook(headers, body), Refusal)

    @needs("parse_webhook", "make_webhook")
    def test_a_webhook_is_believed_only_as_it_was_signed(self, gateway: Gateway) -> None:
        """A longer body or a shorter signature is refused."""
        headers, body = self.make_webhook(gateway)
        notice = gateway.parse_webhook(headers, body)
        assert isinstance(notice, WebhookNotice)
        assert notice.event_id
        assert notice.event_type
        assert isinstance(gateway.parse_webhook(headers, body + b" "), Refusal)
        for name in headers:
            wrong = {**headers, name: headers[name][:-1]}
            answer = gateway.parse_webhook(wrong, body)
            assert isinstance(answer, Refusal) or "signature" not in name.lower()
