"""The verbs by hand leave what ours leave: the floor is of the same work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db.models import Model

from benchmarks import by_hand
from benchmarks.verbs import BY_HAND, COMPARISONS, VERBS, Comparison, Shop, open_shop, originals
from django_dinero.gateways.registry import get_gateway
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.models import CreditCard, Customer, Operation, Transaction

pytestmark = pytest.mark.django_db(transaction=True)

#: Names, moments and places: others in each row, so only whether they are filled is compared.
OWN = {
    *("id", "public_id", "key", "operation_key", "transaction_id", "card_ids", "auth_code"),
    *("parent", "customer", "customer_id", "customer_pk", "customer_key", "card_id", "default_of"),
    *("created_at", "updated_at", "sent_at", "lease_until", "quarantine_until", "next_check_at"),
    *("network_transaction_id", "worker", "settled_at", "batch_id"),
}
#: What only a call with an idempotency key has.
KEY = ("scope", "idempotency_key")


@pytest.fixture
def shop() -> Iterator[Shop]:
    gateway = get_gateway()
    assert isinstance(gateway, SandboxGateway)
    yield open_shop(gateway, gateway.bank.settle_batch)


def newest(model: type[Model]) -> Model:
    found = model._default_manager.order_by("-pk").first()
    assert found is not None
    return found


def shown(row: Model, left_out: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the columns of a row, and the values in its JSON columns."""
    values: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        values |= value if isinstance(value, dict) else {field.name: value}
    return {
        name: bool(value) if name in OWN else value
        for name, value in values.items()
        if name not in (*left_out, *KEY) and value not in ("", None)
    }


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda one: f"{one.ours}-{one.by_hand}")
def test_rows_are_those_of_our_verb(shop: Shop, comparison: Comparison) -> None:
    models = [Operation, Transaction]
    if comparison.ours == "customer":
        models = [Operation, Customer, CreditCard]
    left: list[list[dict[str, Any]]] = []
    parents: list[dict[str, Any]] = []
    for verb in (VERBS[comparison.ours], BY_HAND[comparison.by_hand]):
        (original,) = originals(shop, verb, 1)
        verb.call(shop, original)
        left.append([shown(newest(model), by_hand.NOT_FILLED[model]) for model in models])
        if original is not None and comparison.by_hand != "refund":  # see its docstring
            parents.append(shown(Transaction.objects.get(pk=original.pk)))
    ours, floor = left
    assert floor == ours
    assert not parents or parents[0] == parents[1]


def test_what_has_not_settled_is_voided_on_both_sides(shop: Shop) -> None:
    for verb in (VERBS["refund"], BY_HAND["refund_after_asking"]):
        (charge,) = originals(shop, replace(verb, settled=False), 1)
        row = verb.call(shop, charge)
        assert isinstance(row, Transaction)
        assert row.kind == "void"
        assert Transaction.objects.get(pk=charge.pk).status == "voided"
