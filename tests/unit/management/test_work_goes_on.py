"""Work that has begun is done to its end, whether the output takes what is told of it or not."""

from __future__ import annotations

import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Operation, Reconciliation, Transaction
from tests.support.recording import RecordingGateway, lose_reply, refuse_connection
from tests.unit.management.deaf import ERRORS, Deaf, errors

pytestmark = pytest.mark.django_db

RECORDING = "tests.support.recording.RecordingGateway"
PAST = "2020-01-01T00:00:00Z"
FULL = ERRORS["disk full"]


@pytest.fixture
def gateway(settings: Any) -> RecordingGateway:
    """The first of two gateways."""
    entry = {"BACKEND": RECORDING, "OPTIONS": {}}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry, "other": entry}}
    found = get_gateway()
    assert isinstance(found, RecordingGateway)
    return found


def lost(gateway: RecordingGateway) -> None:
    """A charge whose answer was lost long ago."""
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        Transaction.create("5.00", number="4111111111111111", month=12, year=2060, zip="12345")
    Operation.objects.update(lease_until=PAST, quarantine_until=PAST, next_check_at=PAST)


@errors
@pytest.mark.parametrize("form", ["", "--json", "--dry-run"])
def test_each_gateway_is_reconciled(gateway: RecordingGateway, error: Exception, form: str) -> None:
    words = ["dinero_reconcile", *filter(None, [form])]
    call_command(*words, stdout=Deaf(error), stderr=StringIO())
    if form != "--dry-run":
        runs = Reconciliation.objects.order_by("gateway_name")
        assert [run.gateway_name for run in runs] == ["default", "other"]


def test_what_a_run_found_decides_its_exit_code(gateway: RecordingGateway) -> None:
    lost(gateway)
    Operation.objects.update(state="needs_attention", rare_state="needs_attention")
    with pytest.raises(CommandError, match="Somebody has to look at: default"):
        call_command("dinero_reconcile", stdout=Deaf(FULL), stderr=StringIO())


@errors
def test_progress_that_cannot_be_told_breaks_nothing_off(
    gateway: RecordingGateway, error: Exception
) -> None:
    lost(gateway)
    call_command("dinero_reconcile", stdout=StringIO(), stderr=Deaf(error))
    assert Operation.objects.get().state == "succeeded"


class Closed(Deaf):
    """A terminal that somebody has closed."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Closed(FULL), None], ids=["terminal", "none"])
def test_a_bar_that_cannot_be_drawn_breaks_nothing_off(
    gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch, stream: Any
) -> None:
    lost(gateway)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    call_command("dinero_reconcile", stdout=StringIO())
    assert Operation.objects.get().state == "succeeded"


@errors
@pytest.mark.parametrize("form", ["", "--json"])
def test_each_customer_is_erased(gateway: RecordingGateway, error: Exception, form: str) -> None:
    for _time in range(3):
        Customer.create("ann@example.com")
    out = Deaf(error, takes=0 if form else 6)
    call_command("dinero_erase", "ann@example.com", "--no-input", *filter(None, [form]), stdout=out)
    assert not Customer.objects.exists()


def test_nobody_is_erased_who_could_not_be_shown(gateway: RecordingGateway) -> None:
    Customer.create("ann@example.com")
    with pytest.raises(OSError, match="No space left"):
        call_command("dinero_erase", "ann@example.com", "--no-input", stdout=Deaf(FULL))
    assert Customer.objects.exists()


@errors
@pytest.mark.parametrize("form", ["", "--json"])
def test_each_gateway_has_its_pushes(
    gateway: RecordingGateway, error: Exception, form: str
) -> None:
    for name in ("default", "other"):
        Customer.create("ann@example.com", gateway_name=name)
    Customer.objects.update(first_name="Ann")
    words = ["dinero_sync", *filter(None, [form])]
    call_command(*words, stdout=Deaf(error), stderr=Deaf(error))
    assert not Customer.objects.exclude(sync_state="synced").exists()


def test_what_was_refused_at_one_gateway_does_not_stop_the_others(
    gateway: RecordingGateway,
) -> None:
    for name in ("default", "other"):
        Customer.create("ann@example.com", gateway_name=name)
    Customer.objects.update(first_name="Ann")
    gateway.faults["update_customer"] = refuse_connection
    with pytest.raises(CommandError, match="Something failed"):
        call_command("dinero_sync", stdout=Deaf(FULL), stderr=Deaf(FULL))
    assert Customer.objects.get(gateway_name="other").sync_state == "synced"


@errors
@pytest.mark.parametrize("form", ["", "--json"])
def test_each_id_is_pulled(gateway: RecordingGateway, error: Exception, form: str) -> None:
    there = gateway.bank.create_customer(
        key="", email="ann@example.com", first_name="", last_name="", cards=[]
    )
    ids = ("--customer", "gone", "--customer", there.id, "--gateway", "default")
    with pytest.raises(CommandError, match="Something failed"):
        call_command("dinero_sync", *ids, *filter(None, [form]), stdout=Deaf(error))
    assert Customer.objects.exists()


def test_differences_that_nobody_reads_are_looked_for_no_further(
    gateway: RecordingGateway,
) -> None:
    Customer.create("ann@example.com")
    Customer.objects.update(first_name="Ann")
    with pytest.raises(BrokenPipeError):
        call_command("dinero_sync", "--diff", stdout=Deaf(BrokenPipeError()), stderr=StringIO())
