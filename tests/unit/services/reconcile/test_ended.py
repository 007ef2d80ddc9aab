"""Ended runs: which of them later ones build on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_dinero.models import Difference, Operation, Reconciliation, Transaction
from django_dinero.services.reconcile import ended, window
from django_dinero.services.reconcile.run import reconcile
from tests.support.recording import RecordingGateway, refuse_connection
from tests.support.rollbacks import lose_in_rollback

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
RollBack = Callable[..., None]


def ran(ago: float, state: str, *phases: str, **columns: Any) -> datetime:
    """A run that began some hours ago."""
    account = {"gateway_name": "default", "live": False, "since": NOW}
    run = Reconciliation.objects.create(
        state=state, phases_done=list(phases), **{**account, **columns}
    )
    began = NOW - timedelta(hours=ago)
    Reconciliation.objects.filter(pk=run.pk).update(started_at=began)
    return began


def test_one_that_broke_off_elsewhere_has_compared_all_the_same(gateway: RecordingGateway) -> None:
    ran(4, "finished")
    compared = ran(3, "broken", *ended.COMPARED)
    ran(2, "broken", "operations", "settlement", "vault")
    ran(1, "broken", *ended.COMPARED, is_watermark=False)
    assert window.begin_of(gateway) == compared - window.OVERLAP
    finished = ran(0, "finished")
    assert window.begin_of(gateway) == finished - window.OVERLAP


def test_what_was_done_today(gateway: RecordingGateway) -> None:
    ran(24, "finished", "tidy")
    assert not ended.was_done_today(gateway, "tidy")
    ran(0, "broken", "tidy")
    ran(0, "finished", "sweep", live=True)
    assert ended.was_done_today(gateway, "tidy")
    assert not ended.was_done_today(gateway, "sweep")


# -- What cannot be finished -----------------------------------------------------------------------


@pytest.mark.parametrize("case", ["its original is gone", "it cannot be given back"])
def test_one_orphan_that_cannot_be_finished_holds_up_no_comparison(
    gateway: RecordingGateway, settled: Transaction, roll_back: RollBack, case: str
) -> None:
    if case == "its original is gone":
        lose_in_rollback(settled.refund("20.00"))
        Operation.objects.filter(kind="charge").delete()
        Operation.objects.update(parent_key="")
        roll_back(settled)
    else:
        roll_back(settled)
        gateway.faults["refund"] = refuse_connection
    last = None
    for _time in range(2):
        run = reconcile(None, void_orphans=True)
        assert (run.state, run.error) == (
            "broken",
            "orphans: 1 orphan could not be finished; the log says why.",
        )
        assert run.phases_done == [
            *("operations", "deletes", "pushes", "webhooks"),
            *("sweep", "settlement", "vault", "tidy"),
        ]
        assert last is None or run.since == last.started_at - window.OVERLAP
        last = run
        if case != "its original is gone":
            gateway.faults["refund"] = refuse_connection
    kinds = set(Difference.objects.values_list("kind", flat=True))
    assert kinds <= {"unknown_key"}  # of the original, which nobody here knows any more
