"""The DINERO setting is read live, with names for what is wrong."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_dinero import conf

SHAPE = '{"BACKEND": "dotted.path.of.the.Class", "OPTIONS": {...}}'


def test_the_setting_is_read_live(settings: Any) -> None:
    entry = {"BACKEND": "a.b"}
    settings.DINERO = {
        "GATEWAYS": {"shop": entry},
        "GATEWAY_RESOLVER": "x.y",
        "JOURNAL_ALIAS": "books",
        "ON_ROLLBACK": "void",
        "TASKS": "celery",
        "WEBHOOKS": {"MAX_TRIES": 3},
        "KEEP_OPERATIONS_DAYS": 400,
        "ADMIN_CONFIRM_ABOVE": "99.50",
        "API_ACCEPTS_RAW_CARDS": True,
        "API_BROWSABLE": True,
        "API_GATEWAYS": "shop.names",
        "API_GUEST_CHARGES": "shop.price",
    }
    assert conf.dinero() is settings.DINERO
    assert conf.webhooks() == conf.Webhooks(max_tries=3)
    assert conf.gateways() == {"shop": entry}
    assert conf.gateway_resolver() == "x.y"
    assert conf.journal_alias() == "books"
    assert conf.on_rollback() == "void"
    assert conf.keep_operations_days() == 400
    assert conf.admin_confirm_above() == {"": Decimal("99.50")}
    assert conf.tasks() == conf.Tasks("celery")
    assert conf.api() == conf.Api(True, True, "shop.names", "shop.price")
    assert set(settings.DINERO) == conf.KNOWN


@pytest.mark.parametrize(
    "value", [{}, {"GATEWAY_RESOLVER": None, "JOURNAL_ALIAS": None, "ON_ROLLBACK": None}]
)
def test_what_is_not_set_is_empty(settings: Any, value: dict[str, Any]) -> None:
    settings.DINERO = value
    assert conf.gateways() == {}
    assert conf.gateway_resolver() == ""
    assert conf.journal_alias() == ""
    assert conf.on_rollback() == "keep"
    assert conf.keep_operations_days() is None
    assert conf.admin_confirm_above() == {}


def test_no_setting_at_all(settings: Any) -> None:
    del settings.DINERO
    assert conf.dinero() == {}
    assert conf.gateways() == {}


def test_any_mapping_will_do(settings: Any) -> None:
    settings.DINERO = MappingProxyType({"GATEWAYS": MappingProxyType({"a": {}})})
    assert list(conf.gateways()) == ["a"]


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_a_setting_that_is_no_dict(settings: Any, value: Any) -> None:
    settings.DINERO = value
    with pytest.raises(ImproperlyConfigured, match=r"^DINERO must be a dict: "):
        conf.dinero()
    with pytest.raises(ImproperlyConfigured, match=r"^DINERO must be a dict: "):
        conf.journal_alias()


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_gateways_that_are_no_dict(settings: Any, value: Any) -> None:
    settings.DINERO = {"GATEWAYS": value}
    with pytest.raises(ImproperlyConfigured, match=r'^DINERO\["GATEWAYS"\] must be a dict of'):
        conf.gateways()


def test_the_default_alias() -> None:
    assert conf.DEFAULT_GATEWAY == "default"


@pytest.mark.parametrize("options", [{"key": "s3c"}, MappingProxyType({"key": "s3c"})])
def test_an_entry_is_a_copy_that_shows_no_option(options: Any) -> None:
    entry = conf.entry("shop", {"BACKEND": "a.B", "OPTIONS": options})
    assert (entry.backend, entry.options) == ("a.B", {"key": "s3c"})
    assert entry.options is not options
    assert "s3c" not in repr(entry)


@pytest.mark.parametrize("config", [{"BACKEND": "a.B"}, {"BACKEND": "a.B", "OPTIONS": None}])
def test_an_entry_without_options(config: Any) -> None:
    assert conf.entry("shop", config) == conf.Entry("a.B", {})


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("a.B", f" must be a dict: {SHAPE}."),
        (["a.B"], f" must be a dict: {SHAPE}."),
        ({"OPTIONS": {}}, " has no BACKEND, the dotted path of a class."),
        ({"BACKEND": "a.B", "OPTIONS": "x"}, ": OPTIONS must be a dict."),
        ({"BACKEND": "a.B", "OPTIONS": ["x"]}, ": OPTIONS must be a dict."),
        (
            {"BACKEND": "a.B", "store": "x", "options": {}},
            " has unknown keys: options, store. Known: BACKEND, OPTIONS; what a backend is told "
            "goes into OPTIONS.",
        ),
    ],
)
def test_an_entry_of_another_shape_is_named(config: Any, text: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        conf.entry("shop", config)
    assert str(caught.value) == f"DINERO gateway 'shop'{text}"


@pytest.mark.parametrize("value", ["refund", True, ["void"], 1])
def test_what_becomes_of_an_orphan_is_one_of_two(settings: Any, value: Any) -> None:
    settings.DINERO = {"ON_ROLLBACK": value}
    with pytest.raises(ImproperlyConfigured, match=r'^DINERO\["ON_ROLLBACK"\] must be "keep" or'):
        conf.on_rollback()


@pytest.mark.parametrize("value", [30, 3650])
def test_how_long_operations_are_kept_whole(settings: Any, value: int) -> None:
    settings.DINERO = {"KEEP_OPERATIONS_DAYS": value}
    assert conf.keep_operations_days() == value


@pytest.mark.parametrize("value", [0, 29, 3651, -60, True, False, "60", 60.0, [60], float("nan")])
def test_how_long_they_cannot_be(settings: Any, value: Any) -> None:
    settings.DINERO = {"KEEP_OPERATIONS_DAYS": value}
    with pytest.raises(ImproperlyConfigured, match=r"a number of days from 30 to 3650\.$"):
        conf.keep_operations_days()


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (1000, {"": "1000"}),
        (0, {"": "0"}),
        (Decimal("12.5"), {"": "12.5"}),
        ({"USD": "1000.00", "JPY": 100000}, {"USD": "1000.00", "JPY": "100000"}),
        ({}, {}),
    ],
)
def test_above_which_amounts_the_admin_asks(settings: Any, value: Any, limits: Any) -> None:
    settings.DINERO = {"ADMIN_CONFIRM_ABOVE": value}
    assert conf.admin_confirm_above() == {name: Decimal(text) for name, text in limits.items()}


@pytest.mark.parametrize(
    "value", [True, 10.5, -1, "", "1,000", "1e3", [1000], {"usd": 1}, {"USD": None}, {7: 1}]
)
def test_above_which_it_cannot(settings: Any, value: Any) -> None:
    settings.DINERO = {"ADMIN_CONFIRM_ABOVE": value}
    with pytest.raises(
        ImproperlyConfigured, match=r'^DINERO\["ADMIN_CONFIRM_ABOVE"\] is an amount'
    ):
        conf.admin_confirm_above()


def test_what_is_done_with_webhooks(settings: Any) -> None:
    settings.DINERO = {}
    assert conf.webhooks() == conf.Webhooks(True, 5.0, 10, 60)
    settings.DINERO = {
        "WEBHOOKS": {"INLINE": False, "INLINE_SECONDS": 0.5, "MAX_TRIES": 3, "KEEP_DAYS": 7}
    }
    assert conf.webhooks() == conf.Webhooks(False, 0.5, 3, 7)


@pytest.mark.parametrize(
    "given",
    [
        [],
        "INLINE",
        {"INLINE": "no"},
        {"INLINE": 0},
        {"inline": True},
        {"INLINE_SECONDS": 0},
        {"INLINE_SECONDS": float("nan")},
        {"INLINE_SECONDS": "5"},
        {"MAX_TRIES": 0},
        {"MAX_TRIES": 2.5},
        {"MAX_TRIES": True},
        {"MAX_TRIES": 10**9},
        {"KEEP_DAYS": -1},
    ],
)
def test_a_wrong_word_about_webhooks_is_named(settings: Any, given: Any) -> None:
    settings.DINERO = {"WEBHOOKS": given}
    with pytest.raises(ImproperlyConfigured, match="WEBHOOKS"):
        conf.webhooks()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, None),
        ("django", conf.Tasks("django", "default", "")),
        ({"ENGINE": "django"}, conf.Tasks("django", "default", "")),
        (
            {"ENGINE": "django", "BACKEND": "payments", "QUEUE": "money"},
            conf.Tasks("django", "payments", "money"),
        ),
        ({"ENGINE": "celery", "QUEUE": "money"}, conf.Tasks("celery", "default", "money")),
    ],
)
def test_how_work_is_done_in_the_background(settings: Any, given: Any, read: Any) -> None:
    settings.DINERO = {"TASKS": given}
    assert conf.tasks() == read


def test_without_a_word_nothing_is_done_in_the_background(settings: Any) -> None:
    settings.DINERO = {}
    assert conf.tasks() is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (False, 'DINERO["TASKS"] must be None, "django", "celery", or a dict'),
        (True, 'DINERO["TASKS"] must be None'),
        ([], 'DINERO["TASKS"] must be None'),
        (7, 'DINERO["TASKS"] must be None'),
        ("", 'DINERO["TASKS"]["ENGINE"] must be "django" or "celery".'),
        ("rq", 'DINERO["TASKS"]["ENGINE"] must be'),
        ("Django", 'DINERO["TASKS"]["ENGINE"] must be'),
        ({}, 'DINERO["TASKS"]["ENGINE"] must be'),
        ({"ENGINE": None}, 'DINERO["TASKS"]["ENGINE"] must be'),
        ({"ENGINE": ["django"]}, 'DINERO["TASKS"]["ENGINE"] must be'),
        ({"ENGINE": "django", "engine": 1, 2: 3}, 'DINERO["TASKS"] has unknown keys: 2, engine.'),
        ({"ENGINE": "django", "BACKEND": None}, 'DINERO["TASKS"]["BACKEND"] must be a name.'),
        ({"ENGINE": "django", "BACKEND": ""}, 'DINERO["TASKS"]["BACKEND"] must be a name.'),
        ({"ENGINE": "celery", "QUEUE": 7}, 'DINERO["TASKS"]["QUEUE"] must be a name.'),
        ({"ENGINE": "celery", "BACKEND": "default"}, "Celery has none"),
    ],
)
def test_a_wrong_word_about_tasks_is_named(settings: Any, given: Any, named: str) -> None:
    settings.DINERO = {"TASKS": given}
    with pytest.raises(ImproperlyConfigured) as caught:
        conf.tasks()
    assert named in str(caught.value)


def test_the_api_opens_nothing_by_default(settings: Any) -> None:
    settings.DINERO = {"API_ACCEPTS_RAW_CARDS": None, "API_GUEST_CHARGES": None}
    assert conf.api() == conf.Api(False, False, "", "")


@pytest.mark.parametrize("value", ["false", "True", 1, 0, []])
@pytest.mark.parametrize("key", ["API_ACCEPTS_RAW_CARDS", "API_BROWSABLE"])
def test_the_api_is_opened_by_true_alone(settings: Any, key: str, value: object) -> None:
    settings.DINERO = {key: value}
    with pytest.raises(ImproperlyConfigured, match=f'{key}"\\] is True or False'):
        conf.api()


@pytest.mark.parametrize("key", ["API_GATEWAYS", "API_GUEST_CHARGES"])
def test_what_the_api_asks_is_named_by_a_path(settings: Any, key: str) -> None:
    settings.DINERO = {key: True}
    with pytest.raises(ImproperlyConfigured, match=f'{key}"\\] is the dotted path'):
        conf.api()
