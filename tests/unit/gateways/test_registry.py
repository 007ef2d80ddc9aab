"""Which gateway a name stands for, and what a wrong entry says."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any, ClassVar

import pytest
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_dinero import gateways as package
from django_dinero.conf import Entry
from django_dinero.enums import ResultStatus
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways import gateways, registry
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import build, get_gateway, reset
from django_dinero.gateways.types import (
    ChargeRequest,
    LookupHints,
    LookupResult,
    Refusal,
    RemoteTransaction,
    TransactionResult,
)


class Counted(Gateway):
    """Counts how often it is built."""

    option_names = frozenset({"api_key"})
    built = 0
    prepared = 0
    errors: ClassVar[list[CheckMessage]] = []

    def __init__(self, name: str, options: Any = None) -> None:
        super().__init__(name, options)
        type(self).built += 1
        self.options = dict(options or {})

    def check(self) -> list[CheckMessage]:
        return self.errors

    def prepare(self) -> None:
        super().prepare()
        while_preparing.get(self.name, lambda: None)()
        type(self).prepared += 1

    def charge(self, request: ChargeRequest) -> TransactionResult:
        return TransactionResult(ResultStatus.APPROVED)

    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction | Refusal:
        return Refusal(())

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        return LookupResult()


PATH = "dinero_registry_example.Counted"
RESOLVER = "dinero_registry_example.resolve"
answers: dict[str, Any] = {}
#: What a gateway does when it is prepared, by its name.
while_preparing: dict[str, Callable[[], object]] = {}


def resolve(name: str) -> Any:
    return answers.get(name)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # By a name of its own: under importlib's import mode this file has none that can be imported.
    module = ModuleType("dinero_registry_example")
    vars(module).update(Counted=Counted, resolve=resolve, number=5)
    monkeypatch.setitem(sys.modules, "dinero_registry_example", module)
    monkeypatch.setattr(Counted, "built", 0)
    monkeypatch.setattr(Counted, "prepared", 0)
    monkeypatch.setattr(Counted, "errors", [])
    answers.clear()
    while_preparing.clear()
    reset()
    yield
    reset()


def configure(settings: Any, **entries: Any) -> None:
    settings.DINERO = {"GATEWAYS": entries}


def test_none_means_default(settings: Any) -> None:
    configure(settings, default={"BACKEND": PATH}, other={"BACKEND": PATH, "OPTIONS": None})
    assert get_gateway() is get_gateway(None) is get_gateway("") is get_gateway("default")
    assert get_gateway().name == "default"
    assert get_gateway("other").name == "other"
    assert list(gateways) == ["default", "other"]


def test_gateways_are_found_like_caches(settings: Any) -> None:
    configure(settings, b={"BACKEND": PATH}, default={"BACKEND": PATH})
    assert gateways["default"] is get_gateway()
    assert gateways["b"] is get_gateway("b") is registry.gateways["b"]
    assert (list(gateways), len(gateways)) == (["b", "default"], 2)
    assert list(map(gateways.__contains__, ("b", "c", "", None, []))) == [True, *[False] * 4]
    for name in ("c", ""):
        with pytest.raises(InvalidInput, match=f"No gateway is called '{name}'"):
            gateways[name]


def test_the_package_gives_both_ways_and_nothing_else() -> None:
    assert package.gateways is registry.gateways
    assert package.get_gateway is get_gateway
    assert not hasattr(package, "aliases")


def test_the_package_imports_nothing_by_itself() -> None:
    code = (
        "import sys, django_dinero.gateways.types as t\n"
        "assert 'django_dinero.gateways.registry' not in sys.modules\n"
        "from django_dinero.gateways import gateways\n"
        "assert 'django_dinero.gateways.base' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_settings_there_are_none(settings: Any) -> None:
    del settings.DINERO
    assert (list(gateways), bool(gateways), "default" in gateways) == ([], False, False)


def test_asking_what_there_is_builds_nothing(settings: Any) -> None:
    settings.DINERO = {"GATEWAYS": {"own": {"BACKEND": PATH}}, "GATEWAY_RESOLVER": RESOLVER}
    answers["shop"] = {"BACKEND": PATH}
    assert (list(gateways), "own" in gateways, "shop" in gateways) == (["own"], True, True)
    assert "nobody" not in gateways
    assert (Counted.built, registry.instances()) == (0, {})
    assert gateways["shop"] is get_gateway("shop")


def test_one_instance_per_name_with_its_options(settings: Any) -> None:
    configure(
        settings,
        a={"BACKEND": PATH, "OPTIONS": {"currency": "JPY", "api_key": "1"}},
        b={"BACKEND": PATH, "OPTIONS": {"api_key": "2"}},
    )
    first = get_gateway("a")
    assert isinstance(first, Counted)
    assert first.options == {"currency": "JPY", "api_key": "1"}
    assert get_gateway("a") is first
    assert get_gateway("b") is not first
    assert Counted.built == 2


def test_a_changed_option_counts_from_the_next_call(settings: Any) -> None:
    options = {"api_key": "1"}
    configure(settings, default={"BACKEND": PATH, "OPTIONS": options})
    first = get_gateway()
    options["api_key"] = "2"
    second = get_gateway()
    assert second is not first
    assert isinstance(second, Counted)
    assert second.options == {"api_key": "2"}
    assert get_gateway() is second


def test_override_settings_and_reset_forget(settings: Any) -> None:
    configure(settings, default={"BACKEND": PATH})
    first = get_gateway()
    with override_settings(DINERO={"GATEWAYS": {"default": {"BACKEND": PATH}}}):
        inside = get_gateway()
        assert inside is not first
    assert get_gateway() is not inside
    last = get_gateway()
    with override_settings(ROOT_URLCONF="tests.urls"):
        assert get_gateway() is last
    reset()
    assert get_gateway() is not last


def test_many_threads_get_one_instance(settings: Any) -> None:
    configure(settings, default={"BACKEND": PATH})
    barrier = threading.Barrier(8)
    found: list[Gateway] = []

    def use() -> None:
        barrier.wait()
        found.append(get_gateway())

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(gateway) for gateway in found}) == 1
    assert get_gateway() is found[0]


@pytest.mark.parametrize(
    ("entries", "known"),
    [({}, "none; DINERO has no GATEWAYS"), ({"b": {"BACKEND": PATH}, "a": {}}, "a, b")],
)
def test_an_unknown_name_lists_the_configured_ones(
    settings: Any, entries: dict[str, Any], known: str
) -> None:
    configure(settings, **entries)
    with pytest.raises(InvalidInput) as caught:
        get_gateway("shop")
    assert caught.value.errors == {
        "gateway_name": [f"No gateway is called 'shop'. Configured: {known}."]
    }


# -- The resolver -------------------------------------------------------------------------------


def test_the_resolver_is_asked_for_other_names_each_time(settings: Any) -> None:
    settings.DINERO = {"GATEWAYS": {"own": {"BACKEND": PATH}}, "GATEWAY_RESOLVER": RESOLVER}
    answers["own"] = {"BACKEND": "never.asked"}
    answers["shop"] = {"BACKEND": PATH, "OPTIONS": {"api_key": "1"}}
    assert get_gateway("own").name == "own"
    first = get_gateway("shop")
    assert get_gateway("shop") is first
    answers["shop"] = {"BACKEND": PATH, "OPTIONS": {"api_key": "2"}}
    second = get_gateway("shop")
    assert isinstance(second, Counted)
    assert second.options == {"api_key": "2"}
    assert list(gateways) == ["own"]


def test_a_resolved_gateway_that_was_not_used_for_long_is_forgotten(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DINERO = {"GATEWAYS": {"own": {"BACKEND": PATH}}, "GATEWAY_RESOLVER": RESOLVER}
    monkeypatch.setattr(registry, "MAX_INSTANCES", 3)
    answers.update({f"merchant-{n}": {"BACKEND": PATH} for n in (1, 2, 3)})
    own, first, second = (get_gateway(name) for name in ("own", "merchant-1", "merchant-2"))
    assert get_gateway("merchant-1") is first  # used again
    third = get_gateway("merchant-3")
    assert set(registry.instances()) == {"own", "merchant-1", "merchant-3"}
    assert (get_gateway("own"), get_gateway("merchant-3")) == (own, third)
    assert get_gateway("merchant-2") is not second
    assert set(registry.instances()) == {"own", "merchant-3", "merchant-2"}


def test_a_name_that_the_resolver_does_not_know(settings: Any) -> None:
    settings.DINERO = {"GATEWAYS": {}, "GATEWAY_RESOLVER": RESOLVER}
    with pytest.raises(InvalidInput, match="No gateway is called 'shop'"):
        get_gateway("shop")


# -- Wrong entries ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({}, "DINERO gateway 'shop' has no BACKEND, the dotted path of a class."),
        ({"BACKEND": ""}, "DINERO gateway 'shop' has no BACKEND, the dotted path of a class."),
        ({"BACKEND": None}, "DINERO gateway 'shop' has no BACKEND, the dotted path of a class."),
        ({"BACKEND": Counted}, "DINERO gateway 'shop' has no BACKEND, the dotted path of a class."),
        (
            {"BACKEND": "dinero_nowhere.Gateway"},
            "DINERO gateway 'shop': cannot import 'dinero_nowhere.Gateway': ",
        ),
        (
            {"BACKEND": "dinero_registry_example.Missing"},
            "DINERO gateway 'shop': cannot import 'dinero_registry_example.Missing': ",
        ),
        (
            {"BACKEND": "dinero_registry_example.number"},
            "DINERO gateway 'shop': 'dinero_registry_example.number' is no Gateway.",
        ),
        ({"BACKEND": "decimal.Decimal"}, "DINERO gateway 'shop': 'decimal.Decimal' is no Gateway."),
    ],
)
def test_a_wrong_backend_is_named(settings: Any, entry: dict[str, Any], text: str) -> None:
    configure(settings, shop=entry)
    with pytest.raises(ImproperlyConfigured) as caught:
        get_gateway("shop")
    assert str(caught.value).startswith(text)


def test_a_failed_import_keeps_its_cause() -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        build("shop", Entry("dinero_nowhere.Gateway", {}))
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_wrong_option_is_not_remembered(settings: Any) -> None:
    options = {"apikey": "1"}
    configure(settings, default={"BACKEND": PATH, "OPTIONS": options})
    with pytest.raises(ImproperlyConfigured, match="unknown option"):
        get_gateway()
    assert registry._instances == {}
    options.clear()
    assert isinstance(get_gateway(), Counted)


# -- Getting ready ------------------------------------------------------------------------------


def test_a_gateway_is_prepared_once_and_not_when_it_is_only_built(settings: Any) -> None:
    configure(settings, default={"BACKEND": PATH})
    Counted.errors = [checks.Warning("be careful")]
    build("default", Entry(PATH, {}))
    assert Counted.prepared == 0
    assert get_gateway() is get_gateway()
    assert Counted.prepared == 1


def test_what_its_check_calls_an_error_is_refused_at_first_use(settings: Any) -> None:
    configure(settings, default={"BACKEND": PATH})
    Counted.errors = [Error("Not so.", hint="But so.")]
    for _ in range(2):
        with pytest.raises(ImproperlyConfigured, match=r"^Not so\. But so\.$"):
            get_gateway()
    Counted.errors = []
    assert get_gateway().name == "default"


def in_time(call: Callable[[], Any]) -> Any:
    """Call in a thread of its own: a call that hangs fails the test and does not stop the run."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(call())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert found, "it hangs"
    return found[0]


def test_a_gateway_may_ask_for_another_while_it_is_prepared(settings: Any) -> None:
    configure(settings, outer={"BACKEND": PATH}, inner={"BACKEND": PATH})
    inner: list[Gateway] = []
    while_preparing["outer"] = lambda: inner.append(get_gateway("inner"))
    assert in_time(lambda: get_gateway("outer")).name == "outer"
    assert inner == [get_gateway("inner")]
    assert (Counted.built, Counted.prepared) == (2, 2)


def test_a_gateway_that_is_slow_to_prepare_stops_no_other(settings: Any) -> None:
    configure(settings, slow={"BACKEND": PATH}, quick={"BACKEND": PATH})
    started, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        go_on.wait(30)

    while_preparing["slow"] = wait
    slow = threading.Thread(target=get_gateway, args=("slow",), daemon=True)
    slow.start()
    assert started.wait(10)
    try:
        assert in_time(lambda: get_gateway("quick")).name == "quick"
        assert "slow" not in registry.instances()
    finally:
        go_on.set()
        slow.join(10)
    assert "slow" in registry.instances()


def test_the_first_that_is_ready_is_everybodys(settings: Any) -> None:
    configure(settings, default={"BACKEND": PATH})
    both = threading.Barrier(2)
    while_preparing["default"] = lambda: both.wait(10)
    found: list[Gateway] = []
    threads = [threading.Thread(target=lambda: found.append(get_gateway())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert Counted.built == 2
    assert found == [get_gateway()] * 2


@pytest.mark.parametrize(
    ("asks", "way"), [({"a": "a"}, "a > a"), ({"a": "b", "b": "c", "c": "b"}, "b > c > b")]
)
def test_a_gateway_that_needs_itself_is_refused(
    settings: Any, asks: dict[str, str], way: str
) -> None:
    configure(settings, **{name: {"BACKEND": PATH} for name in "abc"})
    for name, other in asks.items():
        while_preparing[name] = partial(get_gateway, other)
    error = in_time(partial(get_gateway, "a"))
    assert isinstance(error, ImproperlyConfigured)
    assert str(error) == f"DINERO gateway {way[0]!r} needs itself to be made: {way}."
    assert registry.instances() == {}
    while_preparing.clear()
    assert get_gateway("a").name == "a"
