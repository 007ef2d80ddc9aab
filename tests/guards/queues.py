"""The guards of slices, pages, tasks, and of what is kept less of."""

from __future__ import annotations

from tests.guards.guard import JOURNAL, RECONCILE, Guard, tests

SLICES = tests("unit/services/reconcile/test_slices.py")
TASKS = tests("unit/tasks")
TIDY = tests("unit/services/reconcile/test_tidy.py")

QUEUES = (
    Guard(
        "a list of then gives back nothing that was taken back since",
        f"{RECONCILE}/sweep.py",
        "        if self.part.until is None:\n            # An entry",
        "        if True:\n            # An entry",
        SLICES,
    ),
    Guard(
        "a slice begins before the last one ended",
        f"{RECONCILE}/slices.py",
        "OVERLAP = 4 * MARGIN\n",
        "OVERLAP = 0 * MARGIN\n",
        SLICES,
    ),
    Guard(
        "of two workers at the same page one goes on",
        "django_dinero/services/sync/pulling.py",
        "    rows = rows.filter(pk=run.pk, cursor=run.cursor, ended_at=None)\n",
        "    rows = rows.filter(pk=run.pk)\n",
        tests("unit/services/sync/test_paging.py"),
    ),
    Guard(
        "the task of an event leaves it to whoever tried it since",
        "django_dinero/tasks/work.py",
        "filter(pk=pk, attempts=attempts)",
        "filter(pk=pk)",
        TASKS,
    ),
    Guard(
        "nobody fails because a queue is down",
        "django_dinero/tasks/queue.py",
        "    except Exception as error:  # a broker",
        "    except ZeroDivisionError as error:  # a broker",
        TASKS,
    ),
    Guard(
        "a queue learns nothing of an error but its code",
        "django_dinero/tasks/work.py",
        '    raise JobFailed(f"{job}: {problem}")\n',
        "    return JOBS[job](*args)\n",
        TASKS,
    ),
    Guard(
        "a change of state is told after its commit",
        f"{JOURNAL}/states.py",
        "    if connections[operation.written_on].in_atomic_block:\n",
        "    if False:\n",
        tests("unit/services/journal/test_changes.py"),
    ),
    Guard(
        "what is not finished is not emptied",
        f"{RECONCILE}/tidy.py",
        "    return told.filter(state__in=FINISHED)\n",
        "    return told\n",
        TIDY,
    ),
    Guard(
        "what has lost its row is not emptied",
        f"{RECONCILE}/tidy.py",
        "    found = page.filter(pk__in=[key for key in keys if key not in lost])\n",
        "    found = page\n",
        TIDY,
    ),
)
