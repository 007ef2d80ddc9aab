"""Verbs that upper layers plug in."""

from __future__ import annotations

from typing import Any

import pytest

from django_dinero import hooks


@pytest.fixture(autouse=True)
def own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_verbs", {})


def test_a_verb_gets_its_arguments_and_answers() -> None:
    def verb(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        return (*args, kwargs)

    hooks.provide(refund=verb)
    assert hooks.call("refund", 1, 2, reason="x") == (1, 2, {"reason": "x"})


def test_the_last_one_plugged_in_counts_and_the_others_stay() -> None:
    hooks.provide(one=lambda: 1, two=lambda: 2)
    hooks.provide(two=lambda: 22)
    assert (hooks.call("one"), hooks.call("two")) == (1, 22)


def test_a_verb_that_nobody_plugged_in_names_the_cure() -> None:
    with pytest.raises(RuntimeError, match="put 'django_dinero' into INSTALLED_APPS and call"):
        hooks.call("refund")


def test_an_error_of_a_verb_passes_through() -> None:
    def fail() -> None:
        raise KeyError("inside")

    hooks.provide(refund=fail)
    with pytest.raises(KeyError, match="inside"):
        hooks.call("refund")
