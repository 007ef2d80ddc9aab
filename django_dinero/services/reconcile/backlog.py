"""What waits to be done: deletes and changes that were not sent, webhooks that were not applied."""

from __future__ import annotations

from collections.abc import Mapping

from django_dinero.services import webhooks
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.vault import waiting

#: How many webhooks are applied before the run is kept. Each may wait out a timeout.
AT_ONCE = 10


def drive_deletes(run: Run) -> None:
    """Send the deletes that wait."""
    if run.dry_run:
        run.counts["deletes_waiting"] += waiting.still_waiting(run.gateway)["deletes"]
        return
    _add(run, waiting.drive_deletes(run.gateway, progress=run.progress))


def drive_pushes(run: Run) -> None:
    """Push the customers and cards that are marked."""
    if run.dry_run:
        still = waiting.still_waiting(run.gateway)
        run.counts["pushes_waiting"] += still["customers"] + still["cards"]
        return
    _add(run, waiting.drive_pushes(run.gateway, progress=run.progress))


def apply_webhooks(run: Run) -> None:
    """Apply the webhooks that are due."""
    if run.dry_run:
        run.counts["events_waiting"] += webhooks.due(run.gateway.name).count()
        return
    total = left = webhooks.due(run.gateway.name).count()
    while left > 0:
        run.progress("webhooks", total - left, total)  # which keeps the run
        counts = webhooks.drain(run.gateway, min(left, AT_ONCE))
        _add(run, {f"event_{state}": count for state, count in counts.items()})
        if counts.total() < min(left, AT_ONCE):
            return  # no more are due, or the gateway gives no answer
        left -= AT_ONCE


def _add(run: Run, counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        run.counts[name] += count
