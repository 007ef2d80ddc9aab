"""What waits to be done: deletes and changes that were not sent, webhooks that were not applied."""

from __future__ import annotations

from collections.abc import Mapping

from django_dinero.services import webhooks
from django_dinero.services.reconcile.phase import Run
from django_dinero.services.vault import waiting


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
    counts = webhooks.drain(run.gateway)
    _add(run, {f"event_{state}": count for state, count in counts.items()})


def _add(run: Run, counts: Mapping[str, int]) -> None:
    for name, count in counts.items():
        run.counts[name] += count
