"""Requests that ask for what is not theirs to say: owners, states, ids, other methods."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from django.db.models import UUIDField

from django_dinero.api import serializers, token_charges
from django_dinero.api.fields import RowSerializer, StrictSerializer
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from tests.integration.api.calling import Caller, json_of
from tests.support import contract_of_the_api
from tests.support.recording import RecordingGateway

pytestmark = [pytest.mark.once, pytest.mark.django_db]

#: Columns that no answer shows either.
HIDDEN = {"owner", "owner_id", "pk", "public_id", "number_key", "operation_key", "default_of"}


def requests() -> list[type[StrictSerializer]]:
    """What reads a body."""
    modules = (serializers, token_charges)
    found = [kind for each in modules for _n, kind in inspect.getmembers(each, inspect.isclass)]
    return [kind for kind in found if issubclass(kind, StrictSerializer)]


def answers_fields() -> set[str]:
    """What the answers show of rows, and what they do not show."""
    kinds = [kind for _name, kind in inspect.getmembers(serializers, inspect.isclass)]
    rows: list[Any] = [kind for kind in kinds if issubclass(kind, RowSerializer)]
    shown = {name for kind in rows if hasattr(kind, "Meta") for name in kind.Meta.fields}
    return shown | HIDDEN


@pytest.fixture
def root(gateway: RecordingGateway, admin_user: Any) -> Caller:
    """Somebody who may do everything."""
    return Caller(admin_user)


def rows_as_they_are() -> list[dict[str, Any]]:
    """Every row, to compare."""
    models: tuple[Any, ...] = (Customer, CreditCard, Transaction, Operation)
    return [row for model in models for row in model.objects.order_by("pk").values()]


def test_no_request_sets_what_only_an_answer_has(
    root: Caller, gateway: RecordingGateway, customer: Customer
) -> None:
    charge = Transaction.create("10.00", customer=customer)
    held = contract_of_the_api.contract().schema["paths"]
    before, mark, tried = rows_as_they_are(), gateway.mark, 0
    for path, item in held.items():
        for method, operation in item.items():
            if method in ("get", "delete"):
                continue
            address = path.removeprefix("/api/").replace("{id}", _id_for(path, customer, charge))
            if "{" in address:
                continue
            taken = _taken_by(operation)
            for name in sorted(answers_fields() - taken):
                refused = root.send(method.upper(), address, {name: "1"})
                if refused.status_code != 404:
                    assert name in json_of(refused, 400)["errors"], (method, path, name)
                    tried += 1
    assert tried > 200
    assert rows_as_they_are() == before
    assert gateway.since(mark) == []


def _id_for(path: str, customer: Customer, charge: Transaction) -> str:
    if path.startswith("/api/customers/"):
        return str(customer.public_id)
    if path.startswith("/api/cards/"):
        return str(customer.cards[0].public_id)
    return str(charge.public_id) if path.startswith("/api/transactions/") else "{id}"


def _taken_by(operation: dict[str, Any]) -> set[str]:
    components = contract_of_the_api.contract().schema["components"]["schemas"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    names = [each["$ref"].rpartition("/")[2] for each in schema.get("anyOf", [schema]) if each]
    return {field for name in names for field in components[name]["properties"]}


def test_a_get_moves_no_money(root: Caller, gateway: RecordingGateway, customer: Customer) -> None:
    row = Transaction.create("10.00", customer=customer, settle=False)
    card, mark = customer.cards[0], gateway.mark
    verbs = {
        f"customers/{customer.public_id}/": ("charge", "cards"),
        f"cards/{card.public_id}/": ("charge", "validate", "default"),
        f"transactions/{row.public_id}/": ("capture", "void", "refund", "approve", "decline"),
    }
    for address, names in verbs.items():
        for name in names:
            assert root.get(f"{address}{name}/").status_code == 405
    assert gateway.since(mark) == []


def test_no_request_names_an_address_to_go_to() -> None:
    """The holder of a card is sent where the gateway says; a sign-in is the project's."""
    fields: set[str] = {str(name) for kind in requests() for name in kind().fields}
    assert len(fields) > 20
    assert not [n for n in fields if {"url", "next", "return", "redirect"} & set(n.split("_"))]


@pytest.mark.parametrize("model", [Customer, CreditCard, Transaction])
def test_ids_cannot_be_guessed(model: Any) -> None:
    field = model._meta.get_field("public_id")
    assert isinstance(field, UUIDField)
    ids = [field.get_default() for _each in range(100)]
    assert len(set(ids)) == 100
    assert {each.version for each in ids} == {4}
