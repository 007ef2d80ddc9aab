"""A gateway that refuses to be built, as the test bank does on a server without DEBUG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from tests.support.recording import RecordingGateway


class RefusingGateway(RecordingGateway):
    """Refuses, and quotes its options as a careless backend might."""

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        raise ImproperlyConfigured(f"{name} refuses to be built of {options}")


def misconfigure(settings: Any, **options: Any) -> None:
    """Let the default gateway refuse from here on."""
    entry = {"BACKEND": f"{__name__}.RefusingGateway", "OPTIONS": options}
    settings.DINERO = {**settings.DINERO, "GATEWAYS": {"default": entry}}
