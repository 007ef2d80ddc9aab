"""What a run of reconcile says at its end, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from django_dinero.logs import escape
from django_dinero.management.document import Section
from django_dinero.models.reconcile_counts import counted, in_order
from django_dinero.models.reconciliation import Reconciliation, ReconciliationState
from django_dinero.services.reconcile import open_ends

State = ReconciliationState

#: An installed package has no folder of docs.
PAGE = "https://github.com/django-dinero/django-dinero/blob/main/docs/at-night.md"

#: What to do about what only a person can finish.
TO_DO: Mapping[str, Any] = {
    open_ends.NEEDS_ATTENTION: ngettext_lazy(
        "%(count)d operation needs attention. Find out in the gateway's own pages what became of "
        "it. What happened comes in with "
        "manage.py dinero_sync --transaction ID --gateway NAME; otherwise close it with "
        "dinero_close. Until then its customer or payment is locked.",
        "%(count)d operations need attention. Find out in the gateway's own pages what became of "
        "each. What happened comes in with "
        "manage.py dinero_sync --transaction ID --gateway NAME; close the rest with "
        "dinero_close. Until then its customer or payment is locked.",
        "count",
    ),
    open_ends.UNKNOWN: ngettext_lazy(
        "%(count)d operation is unknown past its quarantine: the gateway's lists could not be "
        "read to their end. Do not charge again. Run dinero_check, mend what it names, and run "
        "dinero_reconcile once more.",
        "%(count)d operations are unknown past their quarantine: the gateway's lists could not be "
        "read to their end. Do not charge again. Run dinero_check, mend what it names, and run "
        "dinero_reconcile once more.",
        "count",
    ),
    open_ends.DIFFERENCES: ngettext_lazy(
        "%(count)d difference is open. Open it in the admin under Differences: what it means "
        "and what to do is in %(page)s. Close it there with an explanation.",
        "%(count)d differences are open. Open each in the admin under Differences: what it means "
        "and what to do is in %(page)s. Close it there with an explanation.",
        "count",
    ),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one gateway.

    Attributes:
        run: the run; None if it could not even begin.
        error: why not.
        named: the first few of what waits for a person, by name of the count.
    """

    gateway_name: str
    run: Reconciliation | None = None
    error: str = ""
    named: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def waiting(self) -> dict[str, int]:
        """What waits for a person, by name of the count."""
        counts = self.run.counts if self.run is not None else {}
        return {name: counts[name] for name in open_ends.NAMES if counts.get(name)}

    @property
    def needs_a_person(self) -> bool:
        """Whether the command must not end as if all were well."""
        if self.run is None or self.run.state == State.BROKEN:
            return True
        # A dry run leaves no row of what it has found.
        found = bool(self.waiting or self.run.counts.get("differences"))
        return self.run.state == State.FINISHED and found

    @property
    def section(self) -> Section:
        """It, for programs."""
        if self.run is None:
            return Section(self.gateway_name, problems=[self.error], facts={"state": "failed"})
        facts = {
            "state": self.run.state,
            "live": self.run.live,
            "since": _iso(self.run.since),
            "started_at": _iso(self.run.started_at),
            "ended_at": _iso(self.run.ended_at),
        }
        problems = list(self._problems(self.run)) if self.needs_a_person else []
        return Section(self.gateway_name, self.run.counts, problems, facts)

    def _problems(self, run: Reconciliation) -> Iterator[str]:
        yield from run.error.splitlines()
        yield from (_to_do(name, count) for name, count in self.waiting.items())
        found = run.counts.get("differences")
        if found and open_ends.DIFFERENCES not in self.waiting:
            text = ngettext(
                "%(count)d difference was found.", "%(count)d differences were found.", found
            )
            yield text % {"count": found}
        if run.state == State.BROKEN and not run.error:
            yield _("The run broke off.")

    def lines(self) -> Iterator[str]:
        """Return it in words."""
        if self.run is None:
            yield escape(f"{self.gateway_name}: {self.error}")
            return
        yield f"{self.gateway_name}: {self._headline(self.run)}"
        if self.run.state == State.RUNNING:
            return
        for name, count in in_order(self.run.counts):
            if count and name not in open_ends.NAMES:
                yield f"  {counted(name, count)}"
        for problem in self.run.error.splitlines():
            yield escape(f"  ! {problem}")
        if self.run.error:
            yield "  " + _(
                "! The next run tries that again. If it breaks off again, run dinero_check and "
                "read the log of django_dinero."
            )
        for name, count in self.waiting.items():
            yield "  ! " + _to_do(name, count)
            yield from (escape(f"      {each}") for each in self.named.get(name, ()))

    def _headline(self, run: Reconciliation) -> str:
        if run.state == State.RUNNING:
            return _(
                "another process is at work on it since %(when)s; nothing was done. If that "
                "process was killed, its run is gone on with from ten minutes after its last step."
            ) % {"when": _shown(run.started_at)}
        texts = {
            State.FINISHED: _("done; looked back to %(since)s."),
            State.BROKEN: _("broken off; looked back to %(since)s."),
        }
        return texts[State(run.state)] % {"since": _shown(run.since)}


def _to_do(name: str, count: int) -> str:
    return str(TO_DO[name] % {"count": count, "page": PAGE})


def _iso(time: Any) -> str | None:
    return time.isoformat() if hasattr(time, "isoformat") else None


def _shown(time: Any) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
