"""The DINERO setting is read live, with names for what is wrong."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_dinero import conf


def test_the_setting_is_read_live(settings: Any) -> None:
    entry = {"BACKEND": "a.b"}
    settings.DINERO = {
        "GATEWAYS": {"shop": entry},
        "GATEWAY_RESOLVER": "x.y",
        "JOURNAL_ALIAS": "books",
    }
    assert conf.dinero() is settings.DINERO
    assert conf.gateways() == {"shop": entry}
    assert conf.gateway_resolver() == "x.y"
    assert conf.journal_alias() == "books"
    assert set(settings.DINERO) == conf.KNOWN


@pytest.mark.parametrize("value", [{}, {"GATEWAY_RESOLVER": None, "JOURNAL_ALIAS": None}])
def test_what_is_not_set_is_empty(settings: Any, value: dict[str, Any]) -> None:
    settings.DINERO = value
    assert conf.gateways() == {}
    assert conf.gateway_resolver() == ""
    assert conf.journal_alias() == ""


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
    with pytest.raises(ImproperlyConfigured, match=r"^DINERO must be a dict\.$"):
        conf.dinero()
    with pytest.raises(ImproperlyConfigured, match=r"^DINERO must be a dict\.$"):
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
        ("a.B", " must be a dict."),
        (["a.B"], " must be a dict."),
        ({"OPTIONS": {}}, " has no BACKEND."),
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
