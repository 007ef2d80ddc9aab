"""Verbs that upper layers plug in, by the dotted path of a function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from django.utils.module_loading import import_string

from django_dinero import hooks, plugs

PLACE = "dinero_hooks_example"


@pytest.fixture(autouse=True)
def own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_verbs", {})


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a module with these functions, for dotted paths to name."""
    module = ModuleType(PLACE)
    monkeypatch.setitem(sys.modules, PLACE, module)
    return lambda **functions: module.__dict__.update(functions)


def test_a_verb_gets_its_arguments_and_answers(put: Callable[..., None]) -> None:
    def verb(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return (*args, kwargs)

    put(refund=verb)
    hooks.provide(refund=f"{PLACE}.refund")
    assert hooks.call("refund", 1, 2, reason="x") == (1, 2, {"reason": "x"})


def test_the_last_one_plugged_in_counts_and_the_others_stay(put: Callable[..., None]) -> None:
    put(one=lambda: 1, two=lambda: 2, twenty=lambda: 22)
    hooks.provide(one=f"{PLACE}.one", two=f"{PLACE}.two")
    hooks.provide(two=f"{PLACE}.twenty")
    assert (hooks.call("one"), hooks.call("two")) == (1, 22)


def test_a_verb_is_imported_when_it_is_called_and_not_before() -> None:
    hooks.provide(refund=f"{PLACE}.refund")
    with pytest.raises(ModuleNotFoundError, match=PLACE):
        hooks.call("refund")


def test_a_verb_that_nobody_plugged_in_names_the_cure() -> None:
    with pytest.raises(RuntimeError, match="put 'django_dinero' into INSTALLED_APPS and call"):
        hooks.call("refund")


def test_an_error_of_a_verb_passes_through(put: Callable[..., None]) -> None:
    def fail() -> None:
        raise KeyError("inside")

    put(refund=fail)
    hooks.provide(refund=f"{PLACE}.refund")
    with pytest.raises(KeyError, match="inside"):
        hooks.call("refund")


@pytest.mark.parametrize("path", plugs.SERVICES.values())
def test_every_path_that_the_app_plugs_in_names_a_service(path: str) -> None:
    service = import_string(path)
    assert inspect.isfunction(service)
    assert f"{service.__module__}.{service.__name__}" == path
    assert path.startswith("django_dinero.services.")
