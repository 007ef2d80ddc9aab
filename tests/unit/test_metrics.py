"""Counters and gauges for Prometheus."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from django_dinero import metrics, observing, signals
from django_dinero.enums import ResultStatus
from django_dinero.exceptions import CardDeclinedError, OutcomeUnknown
from django_dinero.gateways.types import TransactionResult
from django_dinero.metrics import GAUGES, TALLIES, Counters, StatusCollector, register
from django_dinero.models import CreditCard, Customer, Operation, Reconciliation, WebhookEvent
from django_dinero.models.difference import DifferenceKind
from django_dinero.observing import GatewayCalled, WebhookHandled
from django_dinero.observing.events import listeners
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.run import reconcile
from tests.support.recording import RecordingGateway, answer, lose_reply, refuse_connection
from tests.unit.services.conftest import card, customer, make_customer

__all__ = ["card", "customer", "make_customer"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def registry() -> Iterator[CollectorRegistry]:
    """A registry with all of ours."""
    made = CollectorRegistry()
    counters = register(made)
    yield made
    counters.disconnect()
    del metrics._registered[id(made)]


Value = Callable[..., float | None]


@pytest.fixture
def value(registry: CollectorRegistry) -> Value:
    """The value of a sample of the gateway "default"."""

    def read(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"dinero_{name}", {"gateway": "default", **labels})

    return read


def test_operations_by_how_they_ended(
    gateway: RecordingGateway, customer: Customer, value: Value
) -> None:
    customer.charge(10)
    gateway.faults["charge"] = answer(TransactionResult(ResultStatus.DECLINED))
    with pytest.raises(CardDeclinedError):
        customer.charge(11)
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.charge(12)
    for outcome in ("succeeded", "declined", "unknown"):
        assert value("operations_total", kind="charge", outcome=outcome) == 1
    assert value("operations_total", kind="charge", outcome="sent") is None


def test_calls_and_how_long_they_took(
    gateway: RecordingGateway, customer: Customer, value: Value
) -> None:
    customer.charge(10)
    customer.charge(11)
    gateway.faults["charge"] = refuse_connection
    with pytest.raises(Exception, match="refused"):
        customer.charge(12)
    assert value("gateway_calls_total", verb="charge", outcome="approved") == 2
    assert value("gateway_calls_total", verb="charge", outcome="not_sent") == 1
    assert value("gateway_call_seconds_count", verb="charge") == 3


def test_differences_webhooks_and_runs(gateway: RecordingGateway, value: Value) -> None:
    found = Found(kind=DifferenceKind.AMOUNT, subject="1", text="of a test")
    differences.record(gateway, found)
    differences.record(gateway, found)
    observing.tell(WebhookHandled("default", "stored"))
    reconcile(None)
    gateway.faults["iter_transactions"] = refuse_connection
    reconcile(None)
    assert value("differences_total", kind="amount") == 1
    assert value("webhooks_total", result="stored") == 1
    assert value("reconcile_runs_total", state="finished") == 1
    assert value("reconcile_runs_total", state="broken") == 1
    assert value("reconcile_seconds_count") == 2


def test_gauges_are_as_the_database_says_at_each_scrape(
    gateway: RecordingGateway, customer: Customer, value: Value
) -> None:
    assert value("open_operations", state="unknown") == 0
    assert value("last_reconcile_age_seconds") is None  # it has never run
    gateway.faults["charge"] = lose_reply
    with pytest.raises(OutcomeUnknown):
        customer.charge(12)
    hours_ago = datetime.now(UTC) - timedelta(hours=3)
    Operation.objects.filter(state="unknown").update(created_at=hours_ago)
    WebhookEvent.objects.create(
        gateway_name="default", live=gateway.live, event_id="1", received_at=hours_ago
    )
    CreditCard.objects.update(sync_state="error")
    assert value("open_operations", state="unknown") == 1
    assert value("oldest_open_operation_seconds", state="unknown") == pytest.approx(10_800, abs=300)
    assert value("waiting_events") == 1
    assert value("oldest_waiting_event_seconds") == pytest.approx(10_800, abs=300)
    assert value("failed_pushes") == 1
    assert value("status_readable") == 1
    reconcile(None)
    Reconciliation.objects.update(started_at=hours_ago, state="broken")
    assert value("last_reconcile_age_seconds") is None
    assert value("last_reconcile_broken") == 1


def test_every_tally_of_open_operations_has_a_gauge(value: Value, gateway: Any) -> None:
    assert [value("open_operations", state=state) for state in TALLIES] == [0] * len(TALLIES)


def test_no_gateway_is_asked(gateway: RecordingGateway, registry: CollectorRegistry) -> None:
    mark = gateway.mark
    text = generate_latest(registry).decode()
    assert gateway.since(mark) == []
    assert all(f"# TYPE {name} gauge" in text for name in GAUGES)


def test_registering_asks_no_database(
    django_assert_num_queries: Callable[[int], Any], gateway: RecordingGateway
) -> None:
    with django_assert_num_queries(0):
        CollectorRegistry(auto_describe=True).register(StatusCollector())


def test_a_database_that_fails_breaks_no_scrape(
    gateway: RecordingGateway, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: object, **kwargs: object) -> None:
        raise OperationalError("the server has gone")

    monkeypatch.setattr(metrics, "status_of", failing)
    text = generate_latest(registry).decode()
    assert 'dinero_status_readable{gateway="default"} 0.0' in text
    assert "dinero_open_operations{" not in text


def test_a_gateway_that_is_configured_wrongly_leaves_the_others(
    gateway: RecordingGateway, registry: CollectorRegistry, settings: Any
) -> None:
    wrong = {"BACKEND": "tests.support.recording.RecordingGateway", "OPTIONS": {"nonsense": 1}}
    known = settings.DINERO["GATEWAYS"]
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {**known, "wrong": wrong}}
    text = generate_latest(registry).decode()
    assert 'dinero_status_readable{gateway="wrong"} 0.0' in text
    assert 'dinero_status_readable{gateway="default"} 1.0' in text


def test_gateways_of_a_resolver_share_a_label(
    gateway: RecordingGateway, registry: CollectorRegistry
) -> None:
    for name in ("tenant-1", "tenant-2"):
        observing.tell(GatewayCalled(name, "charge", "charge", "approved", 0.1))
    labels = {"gateway": "(resolved)", "verb": "charge", "outcome": "approved"}
    assert registry.get_sample_value("dinero_gateway_calls_total", labels) == 2
    assert "tenant" not in generate_latest(registry).decode()


def test_registering_twice_counts_once(registry: CollectorRegistry, gateway: Any) -> None:
    before = len(signals.operation_changed.receivers)
    assert register(registry) is register(registry)
    assert len(signals.operation_changed.receivers) == before
    observing.tell(WebhookHandled("default", "stored"))
    labels = {"gateway": "default", "result": "stored"}
    assert registry.get_sample_value("dinero_webhooks_total", labels) == 1


def test_nothing_is_registered_by_itself() -> None:
    assert "dinero_operations" not in REGISTRY._names_to_collectors
    assert not any(isinstance(getattr(each, "__self__", None), Counters) for each in listeners)


MULTI = """
import os, sys
os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="of a test", USE_TZ=True, DEBUG=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_dinero"],
    DINERO={"GATEWAYS": {"default": {
        "BACKEND": "django_dinero.gateways.sandbox.SandboxGateway",
    }}},
)
django.setup()
from django_dinero.metrics import StatusCollector, register
register()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django_dinero.models import Transaction
Transaction.create(price=5, number="4111111111111111")
if len(sys.argv) > 2:
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    registry.register(StatusCollector())
    print(generate_latest(registry).decode())
"""


@pytest.mark.slow
def test_counters_of_several_processes_add_up(tmp_path: Any) -> None:
    """As ``docs/watching.md`` shows it."""
    printed = ""
    for flags in ([], [], ["show"]):
        command = [sys.executable, "-c", MULTI, str(tmp_path), *flags]
        printed = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=60
        ).stdout
    line = 'dinero_operations_total{gateway="default",kind="charge",outcome="succeeded"} 3.0'
    assert line in printed
    assert printed.count("dinero_status_readable{") == 1


@pytest.mark.slow
def test_without_the_package_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['prometheus_client'] = None; " + MULTI.replace(
        'os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]', ""
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert 'pip install "django-dinero[prometheus]"' in done.stderr
