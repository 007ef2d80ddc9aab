"""Hand a job to the queue of the settings.

A queue only makes things happen sooner. What a job does is found in rows that were committed, so a
job that is lost is done by the next run of reconcile, and one that comes twice finds nothing to do.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from typing import Protocol, cast

from django.core.exceptions import ImproperlyConfigured

from django_dinero import conf
from django_dinero.logs import get_logger

logger = get_logger("django_dinero.tasks")

#: All that a job may be told: primary keys, names and numbers. Never anything of a card.
Argument = int | str | None
#: The functions of ``work.py`` that a queue may be given, by the names that both engines use.
JOBS = ("apply_webhook", "push_row", "push_delete", "reconcile", "pull_page")


class Engine(Protocol):
    """What both engines have: a module with this function."""

    def enqueue(
        self,
        job: str,
        args: tuple[Argument, ...],
        delay: timedelta | None,
        settings: conf.Tasks,
    ) -> bool:
        """Hand a job over.

        Args:
            delay: how long it is to wait; None for not at all.

        Returns:
            Whether the job was taken. One that has to wait is not taken by a queue that cannot
            let it wait.
        """


def connect() -> None:
    """Make the jobs known to Celery if it is the engine; called once, when the app is ready.

    Its worker must know them before it is sent one. What is wrong is told by the system checks.
    """
    with suppress(ImproperlyConfigured, ImportError):
        settings = conf.tasks()
        if settings is not None and settings.engine == "celery":
            engine(settings)


def engine(settings: conf.Tasks) -> Engine:
    """Return the engine of the settings, loaded at first use.

    Raises:
        ImportError: its package is not installed.
    """
    # A module has the function of the protocol.
    return cast("Engine", import_module(f"{__package__}.with_{settings.engine}"))


def is_configured() -> bool:
    """Say whether there is a queue. One that is configured wrongly is none."""
    try:
        return conf.tasks() is not None
    except ImproperlyConfigured as error:
        logger.error("No queue: %s", error)
        return False


def enqueue(
    job: str, *args: Argument, delay: timedelta | None = None, or_at_once: bool = False
) -> bool:
    """Hand a job to the queue, if there is one. Nothing is raised: no caller fails for it.

    Args:
        job: one of :data:`JOBS`.
        delay: how long the job is to wait.
        or_at_once: whether it need not wait where the queue cannot let it.

    Returns:
        Whether the queue has it now.
    """
    try:
        settings = conf.tasks()
        if settings is None:
            return False
        chosen = engine(settings)
        if chosen.enqueue(job, args, delay, settings):
            return True
        return or_at_once and chosen.enqueue(job, args, None, settings)
    except Exception as error:  # a broker or a database that is down, or a package that is missing
        # Its text may have the broker's address with a password in it.
        logger.error(
            "%s%r was not put into the queue (%s); the next dinero_reconcile does it.",
            job,
            args,
            type(error).__name__,
        )
        return False


def run(job: str, *args: Argument) -> str:
    """Do a job, as a worker does that got it from a queue; see ``work.py``.

    Returns:
        What came of it, for the queue's own log.
    """
    # Loaded at the first job: whoever only hands jobs over needs no services.
    work = import_module(f"{__package__}.work")
    return cast("str", work.run(job, *args))
