"""Several workers of django-tasks-db on PostgreSQL, one of them killed in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django_tasks_db.models import DBTaskResult

from tests.integration.tasks.shop import Shop, leaks, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgresql,
    pytest.mark.django_db(transaction=True, databases=["default", "journal"]),
]

BACKENDS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
WORKERS = 3


def test_what_several_workers_do_and_what_a_dead_one_leaves(
    open_shop: Callable[..., Shop],
) -> None:
    shop = open_shop("django", BACKENDS)
    shop.fill()
    jobs = set(DBTaskResult.objects.values_list("task_path", flat=True))
    assert {path.rpartition(".")[2] for path in jobs} == {
        *("apply_webhook", "push_row", "push_delete", "pull_page", "reconcile")
    }
    for _ in range(WORKERS):
        shop.start("tests.support.workers")
    shop.kill_the_held_one()
    rows = DBTaskResult.objects.all()
    wait_until(
        lambda: (
            not rows.filter(status="READY").exists() and rows.filter(status="RUNNING").count() == 1
        ),
        "all tasks but that of the dead worker are done",
    )
    shop.stop()
    shop.come_to_an_end()
    shop.check()
    told = rows.values_list("args_kwargs", "return_value", "traceback", "status", "worker_ids")
    assert not rows.filter(status="FAILED").exists()
    assert len({worker for *_, workers in told for worker in workers}) == WORKERS
    assert leaks(json.dumps(list(told))) == []


def test_all_at_once_by_tasks_that_come_twice(open_shop: Callable[..., Shop]) -> None:
    """Every task is in the queue twice, and two workers take them beside each other."""
    shop = open_shop("django", BACKENDS)
    shop.fill()
    shop.held.write_text("nobody")
    for row in list(DBTaskResult.objects.all()):
        row.pk = None
        row.id = DBTaskResult._meta.pk.get_default()
        row.save(force_insert=True)
    for _ in range(WORKERS):
        shop.start("tests.support.workers")
    rows = DBTaskResult.objects.all()
    # Whoever meets the other one at a row looks at it again in some minutes.
    wait_until(lambda: not (rows.ready().exists() or rows.running().exists()), "all tasks are done")
    shop.stop()
    assert not DBTaskResult.objects.filter(status="FAILED").exists()
    shop.come_to_an_end()
    shop.check()
