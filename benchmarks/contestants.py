"""Who makes the calls that are compared: our gateway's methods, and the bare minimum."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
import xmltodict

from benchmarks import bodies
from benchmarks.bank import TlsBank
from django_dinero.card_numbers import luhn_valid
from django_dinero.enums import ResultStatus
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.types import CardRequest, RemoteCard, RemoteCustomer, TransactionResult
from django_dinero.identifiers import new_key

CARDS = 10


@dataclass(frozen=True, slots=True)
class Bench:
    """What every contestant works on; ``calls`` is how many it makes at a time."""

    bank: TlsBank
    gateway: Gateway
    customer_id: str
    card_id: str
    calls: int

    @property
    def ids(self) -> dict[str, str]:
        """The stored customer and card."""
        return {"customer_id": self.customer_id, "card_id": self.card_id}


def prepare(bank: TlsBank, gateway: Gateway, calls: int) -> Bench:
    """Store the customer with ten cards that is fetched and charged."""
    customer = gateway.create_customer(bodies.create_request())
    assert isinstance(customer, RemoteCustomer), customer
    first = customer.cards[0]
    for number in card_numbers(CARDS - 1):
        card = gateway.add_card(
            CardRequest(
                operation_key=new_key(),
                customer_id=customer.customer_id,
                card=bodies.card(number),
            )
        )
        assert isinstance(card, RemoteCard), card
    return Bench(bank, gateway, customer.customer_id, first.card_id, calls)


def card_numbers(count: int) -> list[str]:
    """Return valid numbers, all different."""
    prefixes = [f"41111111111{number:04d}" for number in range(count)]
    return [next(p + str(d) for d in range(10) if luhn_valid(p + str(d))) for p in prefixes]


class Ours:
    """The methods of the gateway, as the services call them: the request is made in the call."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def run(self, verb: str) -> float:
        """Return the seconds of CPU of ``bench.calls`` calls."""
        call: Callable[[int], Any] = getattr(self, f"_{verb}")()
        return timed(call, self.bench.calls, self._check)

    def _create(self) -> Callable[[int], Any]:
        return lambda number: self.bench.gateway.create_customer(bodies.create_request())

    def _get(self) -> Callable[[int], Any]:
        return lambda number: self.bench.gateway.retrieve_customer(self.bench.customer_id)

    def _charge(self) -> Callable[[int], Any]:
        ids = self.bench.ids
        return lambda number: self.bench.gateway.charge(bodies.charge_request(**ids))

    @staticmethod
    def _check(answer: Any) -> None:
        good = isinstance(answer, RemoteCustomer) and len(answer.cards) in (1, CARDS)
        if isinstance(answer, TransactionResult):
            good = answer.outcome is ResultStatus.APPROVED
        assert good, answer


class Bare:
    """What nobody can do without: a session, bytes that lie ready, and the reply as a dict.

    Args:
        bench: what it works on.
        environment: look for proxies and a netrc at each call, as ``requests`` does by default.
    """

    def __init__(self, bench: Bench, *, environment: bool = True) -> None:
        self.bench = bench
        self.session = requests.Session()
        self.session.trust_env = environment
        self.session.verify = str(bench.bank.authority)
        self.session.headers["Content-Type"] = "text/xml"

    def run(self, verb: str) -> float:
        """Return the seconds of CPU of ``bench.calls`` calls."""
        endpoint, login_id, transaction_key = self.bench.bank.account
        account = {"login_id": login_id, "transaction_key": transaction_key}
        ready = [bodies.body(verb, **account, **self.bench.ids) for _ in range(self.bench.calls)]

        def post(number: int) -> dict[str, Any]:
            reply = self.session.post(endpoint, data=ready[number], timeout=(10, 60))
            # The reply begins with a byte order mark.
            return xmltodict.parse(reply.content.decode("utf-8-sig"))

        return timed(post, self.bench.calls, self._check)

    @staticmethod
    def _check(answer: dict[str, Any]) -> None:
        ((_root, reply),) = answer.items()
        assert reply["messages"]["resultCode"] == "Ok", reply["messages"]


def timed(call: Callable[[int], Any], count: int, check: Callable[[Any], None]) -> float:
    """Return the seconds of CPU of some calls; a wrong answer is no measurement."""
    start = time.process_time()
    answers = [call(number) for number in range(count)]
    seconds = time.process_time() - start
    for answer in answers:
        check(answer)
    return seconds
