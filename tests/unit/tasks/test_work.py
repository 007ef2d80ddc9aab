"""The jobs: each twice, beside others, or broken off, with the same end."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from django_dinero.exceptions import InvalidInput, NotSent
from django_dinero.gateways.registry import get_gateway
from django_dinero.models import Customer, Reconciliation, Transaction, WebhookEvent
from django_dinero.services import webhooks
from django_dinero.services.sync import paging
from django_dinero.services.webhooks import events
from django_dinero.tasks import queue, work
from tests.support.aging import grow_old
from tests.support.queues import Queued
from tests.support.recording import RecordingGateway, refuse_connection
from tests.support.webhooks import notice, post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def event(gateway: RecordingGateway, charge: Transaction) -> WebhookEvent:
    """A stored event about a charge that has settled since."""
    gateway.bank.settle_batch()
    stored = webhooks.store(gateway, notice("transaction", charge.transaction_id or ""), b"{}")
    assert stored is not None
    return stored


# -- Webhooks --------------------------------------------------------------------------------------


def test_an_event_is_applied_once_however_often_its_task_comes(
    queued: Queued, gateway: RecordingGateway, event: WebhookEvent, charge: Transaction
) -> None:
    assert work.run("apply_webhook", event.pk, 0) == "applied"
    mark = gateway.mark
    assert work.run("apply_webhook", event.pk, 0) == "known"
    assert work.run("apply_webhook", event.pk, 1) == "known"
    charge.refresh_from_db()
    assert (charge.status, gateway.since(mark), queued) == ("settled", [], [])


def test_an_event_that_is_parked_comes_again_in_its_time(
    queued: Queued, gateway: RecordingGateway, event: WebhookEvent
) -> None:
    for _ in range(len(events.WAITS)):
        gateway.faults["retrieve_transaction"] = refuse_connection
        event.refresh_from_db()
        assert work.run("apply_webhook", event.pk, event.attempts) == "parked"
    waits = [(args, delay) for _job, args, delay in queued]
    seconds = [wait for wait in events.WAITS if wait <= 600]
    assert waits == [
        ((event.pk, tried), timedelta(seconds=wait)) for tried, wait in enumerate(seconds, 1)
    ]


def test_whoever_tried_it_since_goes_on_with_it(
    queued: Queued, gateway: RecordingGateway, event: WebhookEvent
) -> None:
    """Or two chains of tasks would use up its tries."""
    gateway.faults["retrieve_transaction"] = refuse_connection
    webhooks.drain(gateway)
    assert work.run("apply_webhook", event.pk, 0) == "known"
    assert WebhookEvent.objects.get().attempts == 1
    assert queued == []


def test_an_event_that_is_gone_needs_nothing(queued: Queued) -> None:
    assert work.run("apply_webhook", 7, 0) == "known"


# -- Reconcile -------------------------------------------------------------------------------------


def test_all_gateways_are_reconciled_beside_each_other(queued: Queued, settings: Any) -> None:
    entry = settings.DINERO["GATEWAYS"]["default"]
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry, "eu": entry}}
    assert work.run("reconcile", None) == "default: enqueued, eu: enqueued"
    assert [args for _job, args, _delay in queued] == [("default",), ("eu",)]


def test_a_gateway_that_fails_takes_no_turn_from_the_next(
    gateway: RecordingGateway, settings: Any
) -> None:
    entry = settings.DINERO["GATEWAYS"]["default"]
    broken = {"BACKEND": "nowhere.Gateway"}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"broken": broken, "default": entry}}
    assert work.run("reconcile", None) == "broken: failed, default: done"


def test_without_a_queue_it_is_done_at_once(gateway: RecordingGateway) -> None:
    assert work.run("reconcile", None) == "default: done"
    assert Reconciliation.objects.get().state == "finished"


@pytest.fixture
def long_ago(gateway: RecordingGateway) -> Reconciliation:
    """The last run ended a month ago, so that the next one has several slices."""
    row = Reconciliation.objects.create(
        gateway_name="default", live=gateway.live, state="finished", since=datetime.now(UTC)
    )
    before = datetime.now(UTC) - timedelta(days=30)
    Reconciliation.objects.filter(pk=row.pk).update(started_at=before, ended_at=before)
    return row


def test_a_long_time_is_swept_slice_by_slice_each_a_task_of_its_own(
    queued: Queued, gateway: RecordingGateway, long_ago: Reconciliation
) -> None:
    mark, answers = gateway.mark, ["more"]
    while answers[-1] == "more":
        lists = gateway.since(mark).count("iter_transactions")
        answers.append(work.run("reconcile", "default"))
        assert gateway.since(mark).count("iter_transactions") == lists + 1
    assert answers[1:] == ["more", "more", "more", "done"]
    assert queued == [("reconcile", ("default",), None)] * 3
    run = Reconciliation.objects.latest("pk")
    assert (run.state, Reconciliation.objects.count()) == ("finished", 2)
    assert run.phases_done[-1] == "tidy"


def test_a_task_that_comes_twice_between_two_slices_is_harmless(
    queued: Queued, gateway: RecordingGateway, long_ago: Reconciliation
) -> None:
    """Both go on with the same run, one slice after the other."""
    for _task in range(10):
        work.run("reconcile", "default")
    assert set(Reconciliation.objects.values_list("state", flat=True)) == {"finished"}


def test_without_a_queue_all_slices_are_done_at_once(
    gateway: RecordingGateway, long_ago: Reconciliation
) -> None:
    assert work.run("reconcile", "default") == "done"
    assert Reconciliation.objects.latest("pk").state == "finished"
    assert gateway.verbs.count("iter_transactions") == 4


# -- Pulls -----------------------------------------------------------------------------------------


@pytest.fixture
def account(gateway: RecordingGateway, monkeypatch: pytest.MonkeyPatch) -> RecordingGateway:
    """Seven customers that are not here yet, and pages of three."""
    for number in range(7):
        gateway.bank.create_customer(
            key="", email=f"{number}@example.com", first_name="", last_name="", cards=[]
        )
    monkeypatch.setattr(paging, "PAGE", 3)
    return gateway


def test_an_account_is_pulled_page_by_page(queued: Queued, account: RecordingGateway) -> None:
    assert work.begin_pull("default")
    answers = []
    for job, args, _delay in queued:
        answers.append(work.run(job, *args))
    assert answers == ["more", "more", "done"]
    assert Customer.objects.count() == 7


def test_a_page_that_comes_twice_is_pulled_once(queued: Queued, account: RecordingGateway) -> None:
    work.begin_pull("default")
    mark = account.mark
    assert work.run("pull_page", *queued[0][1]) == "more"
    assert work.run("pull_page", *queued[0][1]) == "done"
    assert account.since(mark).count("iter_customers") == 1
    assert len(queued) == 2


def test_a_pull_whose_task_was_lost_is_gone_on_with(
    queued: Queued, account: RecordingGateway
) -> None:
    work.begin_pull("default")
    work.run("pull_page", *queued[0][1])
    queued.clear()
    work.run("reconcile", "default")
    assert queued == [], "its task may still be in the queue"
    paging._rows().update(touched_at="2020-01-01T00:00:00Z")
    work.run("reconcile", "default")
    work.run("reconcile", "default")
    assert queued.jobs == ["pull_page"]
    assert work.run("pull_page", *queued[0][1]) == "more"
    assert work.run("pull_page", *queued[1][1]) == "done"
    assert Customer.objects.count() == 7


# -- What goes wrong -------------------------------------------------------------------------------


def test_an_error_leaves_its_code_and_no_traceback_of_ours(
    queued: Queued, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(work.JobFailed, match=r"^reconcile: invalid_input$") as caught:
        work.run("reconcile", "nowhere")
    assert caught.value.__context__ is caught.value.__cause__ is None
    assert "reconcile('nowhere',) broke off" in caplog.text


@pytest.mark.parametrize(
    ("error", "problem"), [(OperationalError, "not_sent"), (ValueError, "ValueError")]
)
def test_an_error_of_others_leaves_its_name_alone(
    queued: Queued,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[Exception],
    problem: str,
) -> None:
    def broken(*args: Any) -> None:
        raise error(f"the row has {4111_1111_1111_1111} in it")

    monkeypatch.setattr(paging, "_rows", broken)
    with caplog.at_level(logging.DEBUG), pytest.raises(work.JobFailed) as caught:
        work.run("pull_page", 7, "")
    assert str(caught.value) == f"pull_page: {problem}"
    assert "41111" not in "".join(traceback.format_exception(caught.value)) + caplog.text


# -- What a task knows -----------------------------------------------------------------------------


def test_no_task_knows_anything_of_a_card(
    queued: Queued,
    gateway: RecordingGateway,
    card: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every job is enqueued by what somebody did with a card, a name and an address."""
    planted = {**card, "number": "5424000000000015", "cvv": "917", "address": "7 Plantedroad"}
    customer = Customer.create(email="planted@example.com", **planted)
    for verb in ("update_customer", "update_card", "delete_card"):
        gateway.faults[verb] = refuse_connection
    customer.email = "other-planted@example.com"
    stored = customer.cards[0]
    stored.address = "8 Plantedroad"
    for act in (customer.save, stored.save, stored.delete):
        with pytest.raises(Exception):  # noqa: B017 - whichever
            act()
    told = notice("customer", customer.customer_id or "")
    event = webhooks.store(gateway, told, b'{"planted": "5424000000000015"}')
    assert event is not None
    gateway.faults["retrieve_customer"] = refuse_connection
    work.run("apply_webhook", event.pk, 0)
    work.begin_pull("default")
    work.run("reconcile", None)
    assert set(queued.jobs) == set(queue.JOBS)
    told_all = repr([args for _job, args, _delay in queued])
    for secret in ("5424", "0015", "917", "lanted", customer.customer_id or "-"):
        assert secret not in told_all
    assert {type(each) for _job, args, _delay in queued for each in args} <= {int, str}


def test_an_owner_that_cannot_be_found_breaks_the_page_off_and_nothing_else(
    queued: Queued, account: RecordingGateway
) -> None:
    work.begin_pull("default", "nowhere.owner")
    with pytest.raises(work.JobFailed, match="ModuleNotFoundError"):
        work.run("pull_page", *queued[0][1])
    assert Customer.objects.count() == 0


def test_a_pull_of_nobody_is_told_at_once(queued: Queued) -> None:
    with pytest.raises(InvalidInput):
        work.begin_pull("nowhere")
    assert queued == []


# -- Through the engines, without workers ----------------------------------------------------------


@pytest.mark.parametrize("engine", ["django", "celery"])
def test_a_webhook_goes_through_the_whole_of_an_engine(
    use: Callable[..., None], eager: Any, card: dict[str, Any], engine: str
) -> None:
    use(engine, "immediate.ImmediateBackend")
    gateway = get_gateway()
    assert isinstance(gateway, RecordingGateway)
    charge = Transaction.create("5.00", **card)
    gateway.bank.settle_batch()
    assert post(gateway, notice("transaction", charge.transaction_id or "")).status_code == 200
    charge.refresh_from_db()
    assert (WebhookEvent.objects.get().state, charge.status) == ("applied", "settled")


@pytest.mark.parametrize("engine", ["django", "celery"])
def test_a_push_goes_through_the_whole_of_an_engine(
    use: Callable[..., None], eager: Any, card: dict[str, Any], engine: str
) -> None:
    """There is nobody who could wait, so the first repetition comes at once, and no other."""
    use(engine, "immediate.ImmediateBackend")
    gateway = get_gateway()
    assert isinstance(gateway, RecordingGateway)
    customer = Customer.create(email="bill@example.com", **card)
    grow_old()
    customer = Customer.objects.get()
    gateway.faults["update_customer"] = refuse_connection
    customer.email = "new@example.com"
    with pytest.raises(NotSent):
        customer.save()
    customer.refresh_from_db()
    assert customer.sync_state == "synced"
    assert gateway.verbs.count("update_customer") == 2
