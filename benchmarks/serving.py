"""The REST API against the same answers by REST framework alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any
from unittest.mock import patch

from django.contrib.auth.models import User
from django.test import override_settings
from rest_framework.test import APIRequestFactory, force_authenticate

from benchmarks import bare_rest
from benchmarks.database import created
from benchmarks.report import Row, Section, interleaved, median, scaled
from django_dinero import throttle_rates
from django_dinero.api.views.cards import CardViewSet
from django_dinero.api.views.customers import CustomerViewSet
from django_dinero.api.views.transactions import TransactionViewSet
from django_dinero.enums import ResultStatus
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.gateways.types import ChargeRequest, FollowUpRequest, TransactionResult
from django_dinero.identifiers import new_key
from django_dinero.models import CreditCard, Customer, Transaction

ROUNDS = 15
#: Rows of a list, and requests of a contestant before it is the next one's turn.
ROWS, LISTS, CHARGES = 100, 4, 20
LIST_LIMIT, CREATE_LIMIT = 1.15, 1.2
CARD: dict[str, Any] = {"cvv": "900", "month": 12, "year": 2050, "zip": "80202"}
NUMBER = "4111111111111111"

View = Callable[..., Any]
#: By what is listed: ours, and the bare one.
LISTED: Mapping[str, tuple[Any, Any]] = {
    "customers with their cards": (CustomerViewSet, bare_rest.CustomerViewSet),
    "cards": (CardViewSet, bare_rest.CardViewSet),
    "transactions": (TransactionViewSet, bare_rest.TransactionViewSet),
}

_numbers = count(70_000_000_000)
_factory = APIRequestFactory()


class AtOnceGateway(SandboxGateway):
    """Approves every charge without a look at it: what is left is the work of our side."""

    def charge(self, request: ChargeRequest) -> TransactionResult:
        return self._approved(request)

    def capture(self, request: FollowUpRequest) -> TransactionResult:
        return self._approved(request)

    def _approved(self, request: ChargeRequest | FollowUpRequest) -> TransactionResult:
        number = str(next(_numbers))
        return TransactionResult(ResultStatus.APPROVED, number, request.amount, request.currency)


SETTINGS: dict[str, Any] = {
    "ALLOWED_HOSTS": ["testserver"],
    "DINERO": {
        "GATEWAYS": {
            "default": {
                "BACKEND": f"{__name__}.AtOnceGateway",
                "OPTIONS": {"allow_in_production": True},
            }
        }
    },
    # They count, and stop nobody.
    "REST_FRAMEWORK": {
        "DEFAULT_THROTTLE_RATES": dict.fromkeys(throttle_rates.DEFAULTS, "1000000/hour")
    },
}


@dataclass(frozen=True, slots=True)
class Shop:
    """Who asks, and for what."""

    staff: User
    owner: User
    card: CreditCard


def open_shop(rows: int) -> Shop:
    """Fill the tables: so many customers, cards and transactions."""
    owner = User.objects.create_user("owner", is_superuser=True)  # no permission is looked up
    for number in range(rows):
        customer = Customer.create(f"{number}@example.com", owner=owner, number=NUMBER, **CARD)
        price = f"{10 + number}.50"
        row = Transaction.create(price, customer=customer, settle=number % 5 != 0)
        if number % 10 == 0:
            row.capture("5.00")
    return Shop(User.objects.create_superuser("staff"), owner, customer.cards[0])


def measure(scale: float) -> Section:
    """Measure on the database of this process."""
    rounds, rows = scaled(ROUNDS, scale), scaled(ROWS, scale)
    with override_settings(**SETTINGS), created():
        shop = open_shop(rows)
        found = [_list(shop, what, rows, rounds) for what in LISTED]
        charges = scaled(CHARGES, scale)
        found.append(_charge(shop, charges, rounds, "create a charge", CREATE_LIMIT))
        row = Transaction.create("1.00", card=shop.card)
        with patch.object(Transaction, "create", lambda *args, **kwargs: row):
            found.append(_charge(shop, charges, rounds, "the same without the service", None))
    note = (
        "Milliseconds of this process's CPU per request, from the request to the bytes of the "
        "answer, without routes and middleware: our views against views and serializers that "
        "give the same answers by REST framework alone (`benchmarks/bare_rest.py`). Those have no "
        "permissions but to be signed in, no filters, no rates, and read bodies with REST "
        "framework's parser. A charge calls the same service with the same key on both sides, and "
        "the gateway answers at once; the last row leaves the service out too. A list is what "
        f"staff see, of {rows} rows. {rounds} rounds of {LISTS} lists, {charges} charges."
    )
    return Section("The API", note, tuple(found))


def _list(shop: Shop, what: str, rows: int, rounds: int) -> Row:
    ours, bare = (viewset.as_view({"get": "list"}) for viewset in LISTED[what])
    shown, compared = (json.loads(answer_of(view, shop.staff, rows)) for view in (ours, bare))
    assert shown["results"] == compared["results"], (shown, compared)

    def lists(view: View, number: int) -> float:
        return _timed(LISTS, lambda: answer_of(view, shop.staff, rows))

    ms = _compare(rounds, lists, ours, bare)
    return Row(f"list {rows} {what}", *ms, "ms", LIST_LIMIT)


def answer_of(view: View, user: User, rows: int) -> bytes:
    """Return the bytes of a list."""
    request = _factory.get("/", {"page_size": rows})
    force_authenticate(request, user)
    response = view(request).render()
    assert response.status_code == 200, response.content
    return bytes(response.content)


def _charge(shop: Shop, charges: int, rounds: int, what: str, limit: float | None) -> Row:
    ours, bare = (
        viewset.as_view({"post": "charge"}) for viewset in (CardViewSet, bare_rest.CardViewSet)
    )

    assert charged(ours, shop).keys() == charged(bare, shop).keys()

    def charge(view: View, number: int) -> float:
        return _timed(charges, lambda: charged(view, shop))

    return Row(what, *_compare(rounds, charge, ours, bare), "ms", limit)


def charged(view: View, shop: Shop) -> dict[str, Any]:
    """Return the answer to a charge."""
    body = {"price": "12.50", "order_reference": "1042"}
    headers: Any = {"Idempotency-Key": new_key()}
    request = _factory.post("/", json.dumps(body), content_type="application/json", headers=headers)
    force_authenticate(request, shop.owner)
    response = view(request, id=str(shop.card.public_id)).render()
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = json.loads(response.content)
    return answer


def _compare(
    rounds: int, run: Callable[[View, int], float], ours: View, bare: View
) -> tuple[float, float]:
    seconds = interleaved(rounds, {"ours": partial(run, ours), "bare": partial(run, bare)})
    return median(seconds["ours"]) * 1000, median(seconds["bare"]) * 1000


def _timed(times: int, ask: Callable[[], object]) -> float:
    start = time.process_time()
    for _number in range(times):
        ask()
    return (time.process_time() - start) / times
