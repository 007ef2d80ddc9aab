"""What every phase of a run gets, and what it tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django_dinero.gateways.base import Gateway
from django_dinero.services.progress import Progress, tell_nobody


class MoreToDo(Exception):
    """The slice of a run that this caller wanted to do is done; another one goes on with it."""


def note_nothing(moment: datetime) -> None:
    """Take no note of how far a run has come."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run over one gateway, as its phases see it.

    Attributes:
        since: from when on the gateway's transactions are read, by its own clock.
        dry_run: whether nothing may be written, neither here nor at the gateway.
        void_orphans: whether charges are given back whose rows a rollback of the caller took.
        counts: what was done, by name; each phase adds its own.
        unread: the gateway's ids of customers that it did not show.
        progress: is told of each step.
        swept_until: up to when the sweep has come, where it was broken off.
        swept: is told of each slice of the sweep that is done, by its end.
        one_slice: whether the sweep ends with :class:`MoreToDo` after a slice that is not the last.
    """

    gateway: Gateway
    since: datetime
    dry_run: bool = False
    void_orphans: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    unread: set[str] = field(default_factory=set)
    progress: Progress = tell_nobody
    swept_until: datetime | None = None
    swept: Callable[[datetime], None] = note_nothing
    one_slice: bool = False
