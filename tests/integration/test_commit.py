"""When a push runs: in autocommit, in the caller's transaction, in a TestCase."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models.signals import post_delete
from django.test import RequestFactory, TestCase, TransactionTestCase

from django_dinero.db.on_commit import run_after_commit, run_jobs_on_exit
from django_dinero.exceptions import GatewayError

log: list[str] = []


def job(name: str) -> Any:
    def run() -> None:
        log.append(name)

    return run


def refuse(name: str) -> Any:
    def run() -> None:
        log.append(name)
        raise GatewayError(name)

    return run


class Shared:
    """The same expectations in both kinds of test case: that is the promise."""

    def setUp(self) -> None:
        log.clear()

    def test_a_job_runs_at_once_without_a_transaction(self) -> None:
        run_after_commit("default", "a", job("a"))
        assert log == ["a"]

    def test_a_job_waits_for_the_outermost_block(self) -> None:
        with transaction.atomic():
            with transaction.atomic():
                run_after_commit("default", "a", job("a"))
            assert log == []
        assert log == ["a"]

    def test_the_same_key_runs_once_and_the_last_wins(self) -> None:
        with transaction.atomic():
            run_after_commit("default", "a", job("first"))
            run_after_commit("default", "b", job("b"))
            run_after_commit("default", "a", job("second"))
        assert log == ["b", "second"]

    def test_a_block_without_a_savepoint_may_hold_one_that_has(self) -> None:
        with transaction.atomic(savepoint=False):
            with transaction.atomic():
                run_after_commit("default", "a", job("a"))
            run_after_commit("default", "b", job("b"))
            assert log == []
        assert log == ["a", "b"]
        assert not connection.needs_rollback

    def test_a_block_without_a_savepoint_takes_the_next_one_with_it(self) -> None:
        model = get_user_model()
        with pytest.raises(KeyError), transaction.atomic(), transaction.atomic(savepoint=False):
            model.objects.create(username="before")
            run_after_commit("default", "a", job("a"))
            model.objects.create(username="after")
            raise KeyError
        assert log == []
        assert not model.objects.exists()
        with pytest.raises(KeyError), transaction.atomic(savepoint=False):
            run_after_commit("default", "a", job("a"))
            raise KeyError
        assert log == []
        assert connection.needs_rollback is isinstance(self, TestCase)
        connection.needs_rollback = False

    def test_a_rolled_back_transaction_runs_nothing(self) -> None:
        with pytest.raises(KeyError), transaction.atomic():
            run_after_commit("default", "a", job("a"))
            raise KeyError
        with transaction.atomic():
            run_after_commit("default", "b", job("b"))
        assert log == ["b"]

    def test_a_block_runs_all_jobs_and_raises_the_only_refusal(self) -> None:
        with (
            pytest.raises(GatewayError, match="b"),
            run_jobs_on_exit("default"),
            transaction.atomic(),
        ):
            run_after_commit("default", "a", job("a"))
            run_after_commit("default", "b", refuse("b"))
            run_after_commit("default", "c", job("c"))
            assert log == []
        assert log == ["a", "b", "c"]

    def test_a_unit_raises_several_refusals_together(self) -> None:
        with pytest.raises(ExceptionGroup) as caught, run_jobs_on_exit("default"):
            run_after_commit("default", "a", refuse("a"))
            run_after_commit("default", "b", refuse("b"))
        assert [str(error) for error in caught.value.exceptions] == ["a", "b"]

    def test_a_unit_that_breaks_runs_nothing(self) -> None:
        with pytest.raises(KeyError), run_jobs_on_exit("default"):
            run_after_commit("default", "a", job("a"))
            raise KeyError
        assert log == []

    def test_an_inner_unit_belongs_to_the_outer_one(self) -> None:
        with run_jobs_on_exit("default"):
            with run_jobs_on_exit("default"):
                run_after_commit("default", "a", job("a"))
            assert log == []
        assert log == ["a"]

    def test_in_the_callers_transaction_nothing_is_raised(self) -> None:
        with transaction.atomic(), run_jobs_on_exit("default"), transaction.atomic():
            run_after_commit("default", "a", refuse("a"))
        assert log == ["a"]

    def test_the_users_own_callbacks_run_too(self) -> None:
        if isinstance(self, TestCase):
            with self.captureOnCommitCallbacks(execute=True), transaction.atomic():
                transaction.on_commit(job("theirs"))
                run_after_commit("default", "a", job("ours"))
            assert sorted(log) == ["ours", "theirs"]
            return
        with transaction.atomic():
            transaction.on_commit(job("theirs"))
            run_after_commit("default", "a", job("ours"))
        assert log == ["theirs", "ours"]

    def test_djangos_own_block_raises_after_its_commit(self) -> None:
        user = get_user_model().objects.create(username="u")

        def on_delete(**kwargs: Any) -> None:
            run_after_commit("default", "a", refuse("a"))

        model = get_user_model()
        post_delete.connect(on_delete, sender=model)
        try:
            with pytest.raises(GatewayError):
                user.delete()
        finally:
            post_delete.disconnect(on_delete, sender=model)
        assert not get_user_model().objects.exists()
        assert not connection.needs_rollback


class InTestCase(Shared, TestCase):
    """A TestCase's own transaction does not count as one."""

    def test_nothing_is_left_behind(self) -> None:
        with transaction.atomic():
            run_after_commit("default", "a", job("a"))
        assert vars(connection).keys().isdisjoint({"savepoint_commit", "savepoint_rollback"})
        assert connection.run_on_commit == []


class InAutocommit(Shared, TransactionTestCase):
    """The database as a server sees it."""

    def test_atomic_requests_is_the_callers_transaction(self) -> None:
        def view(request: Any) -> None:
            with run_jobs_on_exit("default"), transaction.atomic():
                run_after_commit("default", "a", refuse("a"))
            assert log == []

        transaction.atomic(view)(RequestFactory().get("/"))
        assert log == ["a"]
