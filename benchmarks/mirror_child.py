"""Runs in a process of its own, on a database of its own; prints its figures as JSON."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402

from benchmarks.database import created  # noqa: E402
from benchmarks.report import in_turn  # noqa: E402
from django_dinero.cards import ADDRESS_FIELDS, Address  # noqa: E402
from django_dinero.gateways.types import RemoteCard, RemoteCustomer  # noqa: E402
from django_dinero.models import CreditCard, Customer  # noqa: E402
from django_dinero.models.mode import Account  # noqa: E402
from django_dinero.services import pull  # noqa: E402
from django_dinero.services.pull.customers import BATCH  # noqa: E402

GATEWAY = "default"
ACCOUNT = Account(GATEWAY, live=False)
Remotes = Iterable[RemoteCustomer]
#: Sizes of two accounts whose memory is compared.
FEW, MANY = 2 * BATCH, 6 * BATCH
#: A ready digest: the plain writers need not compute any.
MARKS = {"sync_state": "synced", "sync_error": "", "synced_digest": "0" * 64, "edits": 0}
CUSTOMER_COLUMNS = ("email", "first_name", "last_name", *MARKS)
CARD_COLUMNS = ("last_4", "brand", "month", "year", "default_of", *ADDRESS_FIELDS, *MARKS)


def remotes(count: int, revision: int) -> list[RemoteCustomer]:
    """Return customers with two cards each; another revision changes every one and every card."""
    return [remote_customer(number, revision) for number in range(count)]


def remote_customer(number: int, revision: int, cards: int = 2) -> RemoteCustomer:
    """Return the customer of a number."""
    customer_id = str(10_000_000 + number)
    stored = tuple(
        RemoteCard(
            customer_id=customer_id,
            card_id=f"{customer_id}{slot}",
            last_4="1111",
            brand="visa",
            month=12,
            year=2030 + revision,
            address=Address(
                first_name="Bill", last_name="Smith", address=f"{number} Elm St", zip="80202"
            ),
            is_default=slot == 0,
        )
        for slot in range(cards)
    )
    return RemoteCustomer(
        customer_id=customer_id,
        customer_key=f"K{number:019d}",
        email=f"customer{number}@r{revision}.example.com",
        first_name="Bill",
        last_name="Smith",
        cards=stored,
    )


def ours(given: Remotes) -> None:
    """Mirror with the service."""
    pull.write_customers(ACCOUNT, given)


def bulk(given: Remotes) -> None:
    """Upsert the same rows in pieces of as many customers as the service takes at once."""
    source = iter(given)
    while piece := list(islice(source, BATCH)):
        with transaction.atomic():
            customers = Customer.objects.bulk_create(
                [Customer(**_key(remote), **_customer(remote)) for remote in piece],
                update_conflicts=True,
                update_fields=CUSTOMER_COLUMNS,
                unique_fields=("gateway_name", "live", "customer_id"),
            )
            CreditCard.objects.bulk_create(
                list(_cards(piece, customers)),
                update_conflicts=True,
                update_fields=CARD_COLUMNS,
                unique_fields=("gateway_name", "live", "customer_id", "card_id"),
            )


def single(given: Remotes) -> None:
    """Do what ``update_or_create`` does for every row, without the push that our models add."""
    for model in (Customer, CreditCard):
        post_save.disconnect(sender=model, dispatch_uid=f"dinero.save.{model._meta.label}")
    for remote in given:
        customer = _put(
            Customer, {"customer_id": remote.customer_id}, _key(remote) | _customer(remote)
        )
        for card in remote.cards:
            lookup = {"customer_id": card.customer_id, "card_id": card.card_id}
            _put(CreditCard, lookup, lookup | _card(card, customer))


def _put(model: Any, lookup: dict[str, Any], values: dict[str, Any]) -> Any:
    with transaction.atomic():
        row = model.objects.select_for_update().filter(gateway_name=GATEWAY, **lookup).first()
        if row is None:
            row = model(**{"gateway_name": GATEWAY, **values})
        for name, value in values.items():
            setattr(row, name, value)
        Model.save(row)
        return row


def _key(remote: RemoteCustomer) -> dict[str, Any]:
    return {
        "gateway_name": GATEWAY,
        "customer_id": remote.customer_id,
        "customer_key": remote.customer_key,
    }


def _customer(remote: RemoteCustomer) -> dict[str, Any]:
    names = {"first_name": remote.first_name, "last_name": remote.last_name}
    return {"email": remote.email, **names, **MARKS}


def _cards(piece: Remotes, customers: Sequence[Customer]) -> Iterator[CreditCard]:
    for remote, customer in zip(piece, customers, strict=True):
        for card in remote.cards:
            ids = {"customer_id": card.customer_id, "card_id": card.card_id}
            yield CreditCard(gateway_name=GATEWAY, **ids, **_card(card, customer))


def _card(card: RemoteCard, customer: Customer) -> dict[str, Any]:
    return {
        "customer": customer,
        "last_4": card.last_4,
        "brand": card.brand,
        "month": card.month,
        "year": card.year,
        "default_of": customer.pk if card.is_default else None,
        **card.address.as_dict(),
        **MARKS,
    }


def empty() -> None:
    """Empty both tables without asking anybody."""
    for model in (CreditCard, Customer):
        model.objects.all()._raw_delete("default")


def timed(writer: Callable[[Remotes], None], given: Remotes) -> tuple[float, int]:
    """Return the seconds and the queries of one run."""
    queries = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    with connection.execute_wrapper(count):
        start = time.perf_counter()
        writer(given)
        return time.perf_counter() - start, queries


def main(count: int, rounds: int, part: int) -> dict[str, Any]:
    """Run every writer in every situation, in turn."""
    whole = {revision: remotes(count, revision) for revision in (0, 1)}
    few = {revision: given[::part] for revision, given in whole.items()}
    writers = {"ours": (ours, whole, 1.0), "bulk": (bulk, whole, 1.0)}
    writers["single"] = (single, few, count / len(few[0]))
    situations = {"new": 0, "same": 0, "changed": 1}
    figures: dict[str, Any] = {
        situation: {name: {"seconds": [], "queries": []} for name in writers}
        for situation in situations
    }
    for number in range(rounds):
        for name, (writer, given, factor) in in_turn(number, writers.items()):
            empty()
            for situation, revision in situations.items():
                seconds, queries = timed(writer, given[revision])
                figures[situation][name]["seconds"].append(seconds * factor)
                figures[situation][name]["queries"].append(queries * factor)
            check(len(given[0]))
    if count >= MANY:
        figures["memory"] = {"few": peak(FEW), "many": peak(MANY)}
    return figures


def peak(customers: int) -> float:
    """Return the most memory, in MB, that mirroring an account allocates at a time."""
    empty()
    tracemalloc.start()
    pull.write_customers(ACCOUNT, (remote_customer(number, 0) for number in range(customers)))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


def check(customers: int) -> None:
    """Refuse figures of a writer that did not write."""
    written = (
        Customer.objects.filter(email__endswith="@r1.example.com").count(),
        CreditCard.objects.filter(year=2031).count(),
        CreditCard.objects.exclude(default_of=None).count(),
    )
    if written != (customers, 2 * customers, customers):
        raise SystemExit(f"written: {written}, of {customers} customers")


if __name__ == "__main__":
    with created():
        result = main(*map(int, sys.argv[1:]))
    json.dump(result, sys.stdout)
