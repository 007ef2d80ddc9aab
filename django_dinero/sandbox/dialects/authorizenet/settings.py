"""``transactionSettings``: what a request asks for beside its own values."""

from __future__ import annotations

from django_dinero.sandbox.dialects.authorizenet.parse import Node

#: Seconds; the gateway takes no longer window.
LONGEST_WINDOW = 28800


def settings_of(tx: Node) -> dict[str, str]:
    """Return the settings of a transactionRequest by name."""
    settings = tx.find("transactionSettings")
    pairs = settings.all("setting") if settings is not None else []
    return {one.value("settingName"): one.value("settingValue") for one in pairs}


def is_test(settings: dict[str, str]) -> bool:
    """Say whether nothing is to be kept of a request."""
    return settings.get("testRequest", "").lower() in ("true", "1")


def window_of(settings: dict[str, str]) -> int | None:
    """Return the duplicate window in seconds, None where none was sent."""
    window = settings.get("duplicateWindow", "")
    return min(int(window), LONGEST_WINDOW) if window.isascii() and window.isdigit() else None
