"""The contract for the interface itself: declarations are true and no secret is shown."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.cards import Address, CardDetails
from django_dinero.exceptions import InvalidInput, UnsupportedFeature
from django_dinero.gateways.base import COMMON_OPTIONS, VERBS, Gateway
from django_dinero.gateways.types import (
    CardRequest,
    CardUpdate,
    ChargeRequest,
    CustomerRequest,
    CustomerUpdate,
    FollowUpRequest,
    LookupHints,
)
from django_dinero.identifiers import new_key
from django_dinero.testing.contract.base import ContractBase, has
from django_dinero.testing.contract.vault import NOBODY

#: Methods that every backend must have.
REQUIRED = ("charge", "retrieve_transaction", "find_operation")


class InterfaceContract(ContractBase):
    """Tests of declarations, of checks before sending, and of secrets."""

    def _calls(self, gateway: Gateway) -> dict[str, Callable[[], Any]]:
        """Return a call of every verb with sensible arguments."""
        now, last_4 = datetime.datetime.now(datetime.UTC), self.good_card().last_4
        card = self.as_sent(gateway, self.good_card())
        amount, currency = self.amount(gateway), gateway.currency
        follow_up = FollowUpRequest(new_key(), NOBODY, amount, currency, last_4=last_4)
        customer = CustomerRequest(new_key(), new_key(), "ann@example.com", card=card)
        update = CustomerUpdate(new_key(), NOBODY, new_key(), "ann@example.com")
        card_update = CardUpdate(new_key(), NOBODY, NOBODY, Address())
        return {
            "create_customer": lambda: gateway.create_customer(customer),
            "retrieve_customer": lambda: gateway.retrieve_customer(NOBODY),
            "update_customer": lambda: gateway.update_customer(update),
            "delete_customer": lambda: gateway.delete_customer(NOBODY),
            "add_card": lambda: gateway.add_card(CardRequest(new_key(), NOBODY, card)),
            "update_card": lambda: gateway.update_card(card_update),
            "delete_card": lambda: gateway.delete_card(NOBODY, NOBODY),
            "validate_card": lambda: gateway.validate_card(NOBODY, NOBODY),
            "charge": lambda: gateway.charge(ChargeRequest(new_key(), amount, currency, card)),
            "capture": lambda: gateway.capture(follow_up),
            "void": lambda: gateway.void(follow_up),
            "refund": lambda: gateway.refund(follow_up),
            "decide_review": lambda: gateway.decide_review(follow_up, "approve"),
            "retrieve_transaction": lambda: gateway.retrieve_transaction(NOBODY),
            "find_operation": lambda: gateway.find_operation(
                new_key(), LookupHints("charge", now, amount=amount, currency=currency)
            ),
            "iter_customers": lambda: list(gateway.iter_customers()),
            "iter_transactions": lambda: list(gateway.iter_transactions(now)),
            "check_credentials": gateway.check_credentials,
            "parse_webhook": lambda: gateway.parse_webhook({}, b"{}"),
            "list_webhooks": gateway.list_webhooks,
            "register_webhook": lambda: gateway.register_webhook("https://shop.example/"),
            "remove_webhook": lambda: gateway.remove_webhook(NOBODY),
        }

    def test_every_verb_is_here_or_declared_as_missing(self, gateway: Gateway) -> None:
        """``supports()`` is right about each verb."""
        backend = type(gateway)
        theirs = {v for v in VERBS if getattr(backend, v) is getattr(Gateway, v)}
        silent = sorted(verb for verb in theirs if backend.supports(verb))
        assert not silent, f"not written: name them in `unsupported`, with the reason: {silent}"
        for verb in REQUIRED:
            assert backend.supports(verb), f"every gateway has {verb}"
        assert set(backend.unsupported) <= set(VERBS), "`unsupported` names verbs only"

    def test_a_missing_verb_says_why(self, gateway: Gateway) -> None:
        """The error has the one-line reason from ``unsupported``; nothing is sent."""
        calls = self._calls(gateway)
        assert set(calls) == set(VERBS)
        for verb, reason in type(gateway).unsupported.items():
            assert gateway.supports(verb) is False
            assert reason.strip() == reason != "", f"{verb}: one sentence says why"
            assert "\n" not in reason, f"{verb}: the reason has one line"
            for call in (calls[verb], lambda verb=verb: gateway.require(verb)):
                with pytest.raises(UnsupportedFeature) as caught:
                    call()
                assert reason in str(caught.value)
                assert caught.value.gateway_name == gateway.name

    def test_every_other_verb_answers(self, gateway: Gateway) -> None:
        """Verbs do not raise for an unknown id: refusals are answers."""
        for verb, call in self._calls(gateway).items():
            if has(type(gateway), verb):
                gateway.require(verb)
                assert call() is not None, f"{verb} gives an answer"

    def test_no_credential_is_shown(self, gateway: Gateway) -> None:
        """They are neither in ``repr`` nor in plain attributes, which error reporters copy."""
        shown = f"{gateway!r} {gateway} {vars(gateway)!r}"
        secret = {
            name: value
            for name, value in self.options.items()
            if name not in COMMON_OPTIONS
            and isinstance(value, str)
            and any(part in name for part in ("key", "secret", "password", "token"))
        }
        for name, value in secret.items():
            assert value not in shown, f"the option {name!r} can be read in {type(gateway)!r}"

    def test_another_currency_is_refused_before_sending(self, gateway: Gateway) -> None:
        """An account with one currency must not charge 5 euros as 5 dollars."""
        if not gateway.single_currency:
            return
        other = "EUR" if gateway.currency != "EUR" else "USD"
        amount = self.amount(gateway)
        for request in (
            ChargeRequest(new_key(), amount, other, self.as_sent(gateway, self.good_card())),
            FollowUpRequest(new_key(), NOBODY, amount, other),
        ):
            with pytest.raises(InvalidInput) as caught:
                gateway.check_request(request)
            assert "currency" in caught.value.errors

    def test_good_requests_pass_the_check(self, gateway: Gateway) -> None:
        """Services run this check before they write an operation."""
        typed, currency = self.good_card(), gateway.currency
        card, amount = self.as_sent(gateway, typed), self.amount(gateway)
        for request in (
            CustomerRequest(new_key(), new_key(), "ann@example.com", "Ann", "Example", card),
            CustomerUpdate(new_key(), NOBODY, new_key(), "ann@example.com"),
            CardRequest(new_key(), NOBODY, card),
            CardUpdate(new_key(), NOBODY, NOBODY, typed.address, typed.month, typed.year),
            ChargeRequest(new_key(), amount, currency, card, order_reference="A-1"),
            FollowUpRequest(new_key(), NOBODY, amount, currency),
        ):
            gateway.check_request(request)

    def test_all_wrong_fields_are_named_at_once(self, gateway: Gateway) -> None:
        """One error names the texts that are too long and the fields that are missing."""
        long = {name: "x" * (limit + 1) for name, limit in gateway.max_lengths.items()}
        address = {n: text for n, text in long.items() if n in Address.__dataclass_fields__}
        texts: dict[str, Any] = {n: long[n] for n in ("email", "description") if n in long}
        bare = self.as_sent(
            gateway, CardDetails(number=self.good_card().number, address=Address(**address))
        )
        wanted = gateway.required_card_fields if isinstance(bare, CardDetails) else ()
        missing = [n for n in wanted if n not in address and n != "number"]
        expected = {*address, *texts, *missing}
        request = ChargeRequest(new_key(), self.amount(gateway), gateway.currency, bare, **texts)
        if not expected:
            gateway.check_request(request)
            return
        with pytest.raises(InvalidInput) as caught:
            gateway.check_request(request)
        assert expected <= set(caught.value.errors)

    def test_declarations_have_their_types(self, gateway: Gateway) -> None:
        """Times are in seconds, and a lease is longer than zero."""
        assert gateway.name != ""
        assert len(gateway.currency) == 3
        assert gateway.lease_seconds > 0
        assert gateway.quarantine_seconds >= 0
        assert isinstance(gateway.live, bool)
        assert all(limit > 0 for limit in gateway.max_lengths.values())
        assert isinstance(gateway.check(), list)
