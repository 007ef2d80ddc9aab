"""The system check of DINERO["TASKS"]: each fault by its field, with what cures it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_dinero.tasks import checking, framework
from django_dinero.tasks.checking import check_tasks

DUMMY = f"{framework.NAME}.backends.dummy.DummyBackend"


class Quiet:
    """A backend with workers, as far as anybody here can tell."""

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        self.queues = set(params.get("QUEUES", ["default"]))


QUIET = f"{__name__}.Quiet"


@pytest.fixture
def found(settings: Any) -> Callable[..., list[tuple[str, str, str]]]:
    """Check these settings, and return what was found: the id, the text and the hint."""

    def check(tasks: Any, backends: Any = None) -> list[tuple[str, str, str]]:
        settings.TASKS = backends or {"default": {"BACKEND": QUIET}}
        settings.DINERO = {**settings.DINERO, "TASKS": tasks}
        return [(str(each.id), each.msg, str(each.hint)) for each in check_tasks()]

    return check


@pytest.mark.parametrize(
    "tasks",
    [
        None,
        "django",
        "celery",
        {"ENGINE": "django", "BACKEND": "default", "QUEUE": "default"},
        {"ENGINE": "celery", "QUEUE": "money"},
    ],
)
def test_what_is_well_is_not_spoken_of(found: Callable[..., Any], tasks: Any) -> None:
    assert found(tasks) == []


def test_another_shape_is_told_with_an_example(found: Callable[..., Any]) -> None:
    ((code, text, hint),) = found(["django"])
    assert code == "dinero.E014"
    assert text.startswith('DINERO["TASKS"] must be None')
    assert '"TASKS": {"ENGINE": "django"' in hint


def test_a_setting_that_is_no_dict_is_told_by_another_check(settings: Any) -> None:
    settings.DINERO = ["TASKS"]
    assert check_tasks() == []


@pytest.mark.parametrize(("engine", "extra"), [("django", "tasks"), ("celery", "celery")])
def test_a_package_that_is_missing_is_named_with_its_extra(
    found: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, engine: str, extra: str
) -> None:
    monkeypatch.setattr(checking, "find_spec", lambda name: None)
    ((code, text, hint),) = found(engine)
    assert code == "dinero.E014"
    assert text.startswith(f'DINERO["TASKS"]["ENGINE"] is {engine!r}, and the package ')
    assert hint == f'python -m pip install "django-dinero[{extra}]"'


@pytest.mark.parametrize(
    ("backends", "said"),
    [
        ({"default": {"BACKEND": QUIET}}, "'payments' cannot be used: "),
        ({"payments": {"BACKEND": "nowhere.Backend"}}, "No module named 'nowhere'"),
        ({"payments": {}}, "'payments' cannot be used: "),
    ],
)
def test_a_backend_that_is_not_there_is_named(
    found: Callable[..., Any], backends: Any, said: str
) -> None:
    ((code, text, hint),) = found({"ENGINE": "django", "BACKEND": "payments"}, backends)
    assert code == "dinero.E014"
    assert text.startswith('DINERO["TASKS"]["BACKEND"]')
    assert said in text
    assert hint == "Name an alias of the setting TASKS of Django."


def test_a_queue_that_the_backend_lacks_is_named_with_those_that_it_has(
    found: Callable[..., Any],
) -> None:
    backends = {"default": {"BACKEND": QUIET, "QUEUES": ["slow", "mail"]}}
    ((code, text, hint),) = found("django", backends)
    assert code == "dinero.E014"
    assert text == "DINERO[\"TASKS\"][\"QUEUE\"]: the backend 'default' has no queue 'default'."
    assert "It has: mail, slow." in hint
    assert found({"ENGINE": "django", "QUEUE": "mail"}, backends) == []
    assert found("django", {"default": {"BACKEND": QUIET, "QUEUES": []}}) == []


@pytest.mark.parametrize("name", ["dummy.DummyBackend", "immediate.ImmediateBackend"])
def test_a_backend_without_workers_is_a_warning(found: Callable[..., Any], name: str) -> None:
    backends = {"default": {"BACKEND": f"{framework.NAME}.backends.{name}"}}
    ((code, text, _hint),) = found("django", backends)
    assert code == "dinero.W009"
    assert f"{name.split('.')[1]} has no workers" in text
