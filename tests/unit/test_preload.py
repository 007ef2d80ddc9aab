"""What preloading does with the gateways of the settings."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_dinero.gateways import gateways, registry
from django_dinero.gateways.sandbox import SandboxGateway
from django_dinero.preload import preload

SANDBOX = "django_dinero.gateways.sandbox.SandboxGateway"


def test_every_gateway_of_the_settings_is_preloaded(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    preloaded: list[SandboxGateway] = []
    monkeypatch.setattr(SandboxGateway, "preload", lambda self: preloaded.append(self))
    settings.DINERO = {"GATEWAYS": {"old": {"BACKEND": SANDBOX}, "default": {"BACKEND": SANDBOX}}}
    preload()
    assert preloaded == [gateways["default"], gateways["old"]]


def test_a_wrong_gateway_shows_at_once(settings: Any) -> None:
    settings.DINERO = {
        "GATEWAYS": {"old": {"BACKEND": SANDBOX, "OPTIONS": {"max_cards": 0}}},
    }
    with pytest.raises(ImproperlyConfigured, match=r"'old'.*'max_cards'"):
        preload()


def test_without_gateways_there_is_nothing_to_do(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    monkeypatch.setattr(registry, "build", lambda name, entry: built.append(name))
    settings.DINERO = {}
    preload()
    assert built == []
