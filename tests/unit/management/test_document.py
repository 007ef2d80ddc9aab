"""Every command answers programs in one shape, and says there what its exit code says."""

from __future__ import annotations

import json
import pkgutil
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_dinero.management import commands
from django_dinero.management.document import Section, document
from django_dinero.models import Customer, WebhookEvent
from django_dinero.services import webhooks
from django_dinero.testing.factories import OperationFactory
from tests.support.recording import RecordingGateway, refuse_connection
from tests.support.webhooks import notice
from tests.unit.services.conftest import CARD

pytestmark = pytest.mark.django_db

#: It serves until it is stopped, and has nothing to answer.
SERVERS = {"dinero_sandbox"}
#: What has an idempotency key of its own, and a payment to go by.
ON_A_PAYMENT = {
    "dinero_capture": ["A-1", "--no-input"],
    "dinero_void": ["A-1", "--no-input"],
    "dinero_refund": ["A-1", "--no-input"],
}
WELL = {
    **ON_A_PAYMENT,
    "dinero_cards": [],
    "dinero_charge": ["5", "--customer", "ann@example.com", "--no-input"],
    "dinero_close": [],
    "dinero_report": [],
    "dinero_review": [],
    "dinero_check": [],
    "dinero_erase": ["ann@example.com", "--no-input"],
    "dinero_reconcile": [],
    "dinero_status": ["--offline"],
    "dinero_sync": [],
    "dinero_webhooks": ["drain"],
}


def answer(command: str, *words: str) -> tuple[dict[str, Any], bool]:
    """Return the document, which is the last line, and whether the exit code is 0."""
    out = StringIO()
    try:
        call_command(command, *words, "--json", stdout=out, stderr=StringIO(), no_color=True)
    except CommandError:
        return json.loads(out.getvalue().splitlines()[-1]), False
    return json.loads(out.getvalue().splitlines()[-1]), True


def test_no_command_is_left_out() -> None:
    found = {module.name for module in pkgutil.iter_modules(commands.__path__)}
    assert found - SERVERS == set(WELL)


@pytest.mark.parametrize(
    "words",
    [
        *([name, *arguments] for name, arguments in WELL.items()),
        ["dinero_reconcile", "--dry-run"],
        ["dinero_sync", "--diff"],
        ["dinero_sync", "--pull", "--all", "--gateway", "default"],
        ["dinero_webhooks", "purge"],
        ["dinero_webhooks", "replay", "1"],
    ],
    ids=" ".join,
)
def test_all_is_well(gateway: RecordingGateway, words: list[str]) -> None:
    customer = Customer.create("ann@example.com", **CARD)
    if words[0] in ON_A_PAYMENT:
        customer.charge("5.00", order_reference="A-1", settle=words[0] != "dinero_capture")
    call_command("dinero_reconcile", stdout=StringIO(), stderr=StringIO())
    event = webhooks.store(gateway, notice("transaction", "1"), b"{}")
    assert event is not None
    if words[-1] == "1":
        words = [*words[:-1], str(event.pk)]
    told, good = answer(*words)
    assert good
    assert (told["command"], told["ok"]) == (words[0], True)
    assert all(isinstance(count, int) for count in told["counts"].values())
    for each in told["gateways"]:
        assert (each["gateway"], each["ok"], each["problems"]) == ("default", True, [])
        assert each["counts"].items() <= told["counts"].items()
    assert len(told["gateways"]) == (0 if "purge" in words else 1)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["dinero_check"], "UNREACHABLE"),
        (["dinero_erase", "ann@example.com", "--no-input"], "not deleted it yet"),
        (["dinero_reconcile"], "needs attention"),
        (["dinero_status"], "1 operation needs attention"),
        (["dinero_sync"], "1 push or delete failed"),
        (["dinero_sync", "--customer", "nobody"], "1 could not be pulled"),
        (["dinero_sync", "--diff"], "1 customer or card differs"),
        (["dinero_sync", "--resume", "--pull", "--all"], "invalid_input: "),
        (["dinero_webhooks", "list"], "connection refused"),
        (["dinero_webhooks", "replay", "1"], "not applied: "),
        (["dinero_charge", "0", "--customer", "ann@example.com", "--no-input"], "price: "),
    ],
    ids=str,
)
def test_what_needs_somebody_is_a_problem(
    gateway: RecordingGateway, words: list[str], problem: str, monkeypatch: Any
) -> None:
    customer = Customer.create("ann@example.com")
    OperationFactory(state="needs_attention", live=False)
    for verb in ("check_credentials", "delete_customer", "update_customer", "list_webhooks"):
        gateway.faults[verb] = refuse_connection
    if words == ["dinero_sync"]:
        Customer.objects.update(first_name="Ann")
    if "--diff" in words:
        gateway.bank.update_customer(
            customer.customer_id or "", key=customer.customer_key, email="other@example.com"
        )
    if "replay" in words:
        event = webhooks.store(gateway, notice("transaction", "1"), b"{}")
        assert event is not None
        gateway.faults["retrieve_transaction"] = refuse_connection
        words = [*words[:-1], str(event.pk)]
    told, good = answer(*words)
    assert not good
    assert told["ok"] is False
    (section,) = told["gateways"]
    assert (section["gateway"], section["ok"]) == ("default", False)
    assert any(problem in each for each in section["problems"]), section


def test_a_gateway_that_is_not_configured_has_a_place_of_its_own(gateway: RecordingGateway) -> None:
    webhooks.store(gateway, notice("transaction", "1"), b"{}")
    WebhookEvent.objects.update(gateway_name="old")
    told, good = answer("dinero_webhooks", "drain")
    assert (good, told["counts"]) == (True, {"parked": 1, "waiting": 1})
    assert told["gateways"][1]["configured"] is False


def test_nobody_is_asked_who_wants_a_document(gateway: RecordingGateway) -> None:
    with pytest.raises(CommandError, match="--no-input"):
        call_command("dinero_erase", "ann@example.com", "--json")


def test_sums_are_those_of_all_gateways_and_a_fact_hides_no_key() -> None:
    sections = [
        Section("a", {"done": 1, "left": 0}, facts={"ok": "?", "more": 1}),
        Section("b", {"done": 2}, ["Ann said: no"]),
    ]
    assert json.loads(document("dinero_any", sections, counts={"own": 1}, command_line="x")) == {
        "command": "dinero_any",
        "command_line": "x",
        "ok": False,
        "counts": {"own": 1, "done": 3},
        "gateways": [
            {"gateway": "a", "ok": True, "counts": {"done": 1}, "problems": [], "more": 1},
            {"gateway": "b", "ok": False, "counts": {"done": 2}, "problems": ["Ann said: no"]},
        ],
    }
