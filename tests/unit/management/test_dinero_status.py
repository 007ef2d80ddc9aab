"""``manage.py dinero_status``: a line for each thing, and an exit code for a monitor."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from django_dinero.db import clock
from django_dinero.models import Operation, WebhookEvent
from django_dinero.services import webhooks
from django_dinero.services.reconcile.run import reconcile
from django_dinero.testing.factories import OperationFactory
from tests.support.recording import RecordingGateway
from tests.support.webhooks import notice

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def told(*arguments: str, ends: int = 0) -> str:
    out = StringIO()
    if not ends:
        call_command("dinero_status", *arguments, stdout=out)
        return out.getvalue()
    with pytest.raises(CommandError) as caught:
        call_command("dinero_status", *arguments, stdout=out)
    assert caught.value.returncode == ends
    return f"{out.getvalue()}{caught.value}"


def test_all_is_well(gateway: RecordingGateway) -> None:
    reconcile("default")
    text = told()
    assert text.startswith("default: well\n  reconciled at 20")
    assert "!" not in text


def test_what_needs_somebody_is_said_and_the_exit_code_is_1(gateway: RecordingGateway) -> None:
    reconcile("default")
    OperationFactory(state="needs_attention", live=False)
    text = told(ends=1)
    assert "default: needs somebody" in text
    assert "  1 operation that needs attention, the oldest for 0 minutes" in text
    assert "  ! 1 operation needs attention." in text
    assert text.endswith("Somebody has to look at: default.")


def test_json_is_one_document(gateway: RecordingGateway) -> None:
    reconcile("default")
    found = json.loads(told("--json"))
    assert found["ok"] is True
    (default,) = found["gateways"]
    assert (default["gateway"], default["problems"]) == ("default", [])
    assert (default["counts"], default["oldest_seconds"]) == ({}, {})
    assert (default["last_run"], default["live"]) == ("finished", False)
    for state in ("unknown", "held"):
        OperationFactory(state=state, live=False, kind="charge")
    Operation.objects.filter(state="unknown").update(created_at=clock.now("default") - HOUR / 2)
    (default,) = json.loads(told("--json"))["gateways"]
    assert default["counts"] == {"unknown": 1, "held": 1}
    assert 1800 <= default["oldest_seconds"]["unknown"] < 1900
    assert default["oldest_seconds"]["held"] < 100


def test_offline_asks_no_gateway(gateway: RecordingGateway) -> None:
    reconcile("default")
    mark = gateway.mark
    told("--offline")
    assert gateway.since(mark) == []
    told()
    assert gateway.since(mark) == ["check_credentials"]


def test_a_name_that_nobody_knows(gateway: RecordingGateway) -> None:
    assert told("--gateway", "shop", ends=1) == "No gateway is called 'shop'. Configured: default."


def test_one_that_is_configured_wrongly_does_not_hide_the_others(settings: Any) -> None:
    recording = {"BACKEND": "tests.support.recording.RecordingGateway"}
    settings.DINERO = {"GATEWAYS": {"a": {**recording, "OPTIONS": {"x": 1}}, "b": recording}}
    text = told(ends=1)
    assert "! DINERO gateway 'a': unknown option(s) x" in text
    assert "b: needs somebody\n  ! dinero_reconcile has never run to its end." in text


def test_webhooks_of_a_gateway_that_is_not_configured_need_somebody(
    gateway: RecordingGateway,
) -> None:
    reconcile("default")
    for number in range(2):
        webhooks.store(gateway, notice("transaction", str(number)), b"{}")
    WebhookEvent.objects.update(gateway_name="old")
    text = told(ends=1)
    said = "It is not configured, and 2 webhooks of it wait."
    assert f"old: needs somebody\n  ! {said}\n" in text
    assert text.endswith("Somebody has to look at: old.")
    found = json.loads(told("--json", ends=1).splitlines()[0])
    old = {"gateway": "old", "ok": False, "problems": [said], "counts": {"waiting_events": 2}}
    assert found["gateways"][1] == old
    assert "old" not in told("--gateway", "default")


def test_a_database_that_fails_is_named(gateway: RecordingGateway, monkeypatch: Any) -> None:
    def gone(*args: Any) -> Any:
        raise OperationalError("secret")

    monkeypatch.setattr(clock, "now", gone)
    text = told(ends=1)
    assert "! The database failed (OperationalError)." in text
    assert "secret" not in text


def test_patience_is_in_minutes(gateway: RecordingGateway) -> None:
    reconcile("default")
    OperationFactory(state="unknown", live=False)
    Operation.objects.update(created_at="2020-01-01T00:00:00Z")
    assert "has been unknown for" in told(ends=1)
    assert "has been unknown for" not in told("--patience", "99999999")


def test_open_operations_of_a_gateway_that_was_removed_need_somebody(
    gateway: RecordingGateway,
) -> None:
    reconcile("default")
    for state in ("unknown", "needs_attention", "held", "succeeded"):
        OperationFactory(gateway_name="old", state=state, live=False, kind="charge")
    OperationFactory(
        gateway_name="old", state="sent", live=False, lease_until=clock.now("default") - HOUR
    )
    text = told(ends=1)
    assert "old: needs somebody\n  ! 2 operations of unknown outcome, and the gateway is no" in text
    assert "! 1 operation needs attention, and the gateway is no longer configured." in text
    assert "! 1 payment is not decided, and the gateway is no longer configured." in text
    assert text.endswith("Somebody has to look at: old.")
    found = json.loads(told("--json", ends=1).splitlines()[0])
    assert found["gateways"][1]["counts"] == {"unknown": 2, "needs_attention": 1, "held": 1}
    assert "old" not in told("--gateway", "default")


def test_a_gateway_that_the_resolver_knows_is_configured(
    gateway: RecordingGateway, settings: Any
) -> None:
    reconcile("default")
    OperationFactory(gateway_name="old", state="unknown", live=False)
    settings.DINERO = {**settings.DINERO, "GATEWAY_RESOLVER": f"{__name__}.resolved"}
    assert "old" not in told()


def resolved(name: str) -> dict[str, Any] | None:
    return {"BACKEND": "tests.support.recording.RecordingGateway"} if name == "old" else None


def test_it_is_not_well_while_an_outcome_is_unknown(gateway: RecordingGateway) -> None:
    reconcile("default")
    OperationFactory(state="unknown", live=False)
    OperationFactory(state="sent", live=False, lease_until=clock.now("default") + HOUR)
    text = told()
    assert text.startswith("default: nothing is overdue\n  1 operation under way, the oldest for 0")
    assert "  1 operation of unknown outcome" in text
