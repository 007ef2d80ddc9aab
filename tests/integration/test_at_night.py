"""The page for two in the morning: whatever needs somebody stands there, and commands print that.

Each section of a state is followed in the state that it speaks of.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_dinero.db import clock
from django_dinero.exceptions import DineroError
from django_dinero.models import Customer, Operation, Transaction, WebhookEvent
from django_dinero.models.difference import DifferenceKind
from django_dinero.models.operation import OperationState
from django_dinero.models.reconciliation import ReconciliationState
from django_dinero.models.sync_state import SyncState
from django_dinero.models.transaction_status import TransactionStatus
from django_dinero.models.webhook_event import EventState
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.run import reconcile
from tests.support.examples import pattern
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection
from tests.unit.services.conftest import card, customer, make_customer

__all__ = ["card", "customer", "make_customer"]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "at-night.md").read_text()
PROMPT = "$ python manage.py "
#: What is told of each section: the states that need nobody, or that another section tells of.
ENUMS: dict[str, tuple[Any, set[str]]] = {
    "Operations": (
        OperationState,
        # Held and waiting ones are told under payments.
        {"new", "sent", "succeeded", "declined", "failed", "closed", "held", "requires_action"},
    ),
    "Payments": (
        TransactionStatus,
        {"approved", "settled", "voided", "declined", "failed"},
    ),
    "Differences": (DifferenceKind, set()),
    "Customers and cards": (SyncState, {"synced", "pending"}),
    "Webhooks": (EventState, {"received", "applied", "not_ours"}),
    "Reconcile": (ReconciliationState, {"running", "finished"}),
}
#: What each section of a state says, in this order.
PARTS = ("**Money:**", "**Do:**")

pytestmark = pytest.mark.django_db


def parts(text: str, level: str) -> dict[str, str]:
    """The sections below headings of a level, by their headings."""
    found = re.split(rf"^{level} (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def told_of(section: str) -> dict[str, str]:
    """The sections about states in a part of the page, by the state's name."""
    found = parts(parts(PAGE, "##")[section], "###")
    named = {re.search(r"`(\w+)`$", heading): text for heading, text in found.items()}
    return {match[1]: text for match, text in named.items() if match}


@pytest.mark.parametrize("section", ENUMS)
def test_whatever_needs_somebody_has_its_heading(section: str) -> None:
    enum, nobody = ENUMS[section]
    assert set(told_of(section)) == set(enum.values) - nobody


def test_each_section_says_whether_money_has_moved_and_what_to_do() -> None:
    for section in (*ENUMS, "Before they are due"):
        for heading, text in parts(parts(PAGE, "##")[section], "###").items():
            places = [text.find(part) for part in PARTS]
            assert places == sorted(places) and places[0] >= 0, heading


def test_headings_are_what_the_admin_calls_the_state() -> None:
    for section, (enum, _nobody) in ENUMS.items():
        labels = {f"{str(each.label).capitalize()}: `{each.value}`" for each in enum}
        shown = parts(parts(PAGE, "##")[section], "###")
        assert {heading for heading in shown if heading.endswith("`")} <= labels


# -- Scenes ----------------------------------------------------------------------------------------


def unknown(gateway: RecordingGateway, customer: Customer) -> Operation:
    """A charge whose answer was lost hours ago, at a gateway whose lists cannot be read."""
    gateway.faults["charge"] = lose_reply
    with suppress(DineroError):
        customer.charge("42.00", order_reference="A-1001")
    past = clock.now("default") - timedelta(hours=3)
    operations = Operation.objects.filter(state="unknown")
    operations.update(created_at=past, lease_until=past, quarantine_until=past, next_check_at=past)
    for verb in ("find_operation", "iter_transactions"):
        gateway.faults[verb] = refuse_connection
    return operations.get()


def needs_attention(gateway: RecordingGateway, customer: Customer) -> Operation:
    customer.charge("42.00", order_reference="A-1001")
    operations = Operation.objects.filter(kind="charge")
    operations.update(
        state="needs_attention",
        outcome={"error": "The gateway calls it a duplicate of a payment that is not ours."},
    )
    return operations.get()


def held(gateway: RecordingGateway, customer: Customer) -> Transaction:
    gateway.bank.hold_next()
    with suppress(DineroError):
        customer.charge("42.00", order_reference="A-1001")
    return Transaction.objects.get()


def amount(gateway: RecordingGateway, customer: Customer) -> None:
    found = Found(kind=DifferenceKind.AMOUNT, subject="60012300406", text="42.00 here, 40.00 there")
    differences.record(gateway, found)


def error(gateway: RecordingGateway, customer: Customer) -> None:
    gateway.faults["update_customer"] = refuse_connection
    customer.email = "ada@example.com"
    with suppress(DineroError):
        customer.save()
    gateway.faults.clear()


def given_up(gateway: RecordingGateway, customer: Customer) -> WebhookEvent:
    return WebhookEvent.objects.create(
        gateway_name="default",
        live=False,
        event_id="e1",
        event_type="net.authorize.payment.refund.created",
        object_kind="transaction",
        object_id="60012300406",
        state="given_up",
    )


def running_out(gateway: RecordingGateway, customer: Customer) -> Transaction:
    row = customer.charge("42.00", settle=False, order_reference="A-1001")
    made = clock.now("default") - timedelta(days=6)
    Transaction.objects.update(created_at=made)
    return row


def nothing(gateway: RecordingGateway, customer: Customer) -> None:
    """All is well."""


SCENES: dict[str, Callable[[RecordingGateway, Customer], Any]] = {
    "First": nothing,
    "unknown": unknown,
    "needs_attention": needs_attention,
    "held": held,
    "amount": amount,
    "error": error,
    "given_up": given_up,
    "An authorization that runs out": running_out,
}


def printed(command: str) -> str:
    out = StringIO()
    try:
        call_command(*shlex.split(command), stdout=out, stderr=StringIO())
    except CommandError as raised:
        return f"{out.getvalue()}CommandError: {raised}\n"
    return out.getvalue()


def shown() -> dict[str, str]:
    """The sections that show commands, by the state that they are about, or by their heading."""
    found = {"First": parts(PAGE, "##")["First"]}
    for text in parts(PAGE, "##").values():
        for heading, section in parts(text, "###").items():
            state = re.search(r"`(\w+)`$", heading)
            found[state[1] if state else heading] = section
    return {name: text for name, text in found.items() if "```console" in text}


def test_each_scene_is_that_of_a_section() -> None:
    assert set(SCENES) == set(shown())


@pytest.mark.parametrize("name", SCENES)
def test_commands_print_what_a_section_shows(
    gateway: RecordingGateway, customer: Customer, name: str
) -> None:
    reconcile("default")
    row = SCENES[name](gateway, customer)
    names = {"KEY": getattr(row, "key", ""), "ID": str(getattr(row, "public_id", row and row.pk))}
    for block in re.findall(r"```console\n(.*?)```", shown()[name], re.DOTALL):
        for example in block.split(PROMPT)[1:]:
            command, _newline, output = example.partition("\n")
            typed = re.sub(r"\b(KEY|ID)\b", lambda match: names[match[1]], command)
            found = " ".join(printed(typed).split())
            assert re.fullmatch(pattern(output), found, re.DOTALL), f"{command}\n{found}"
