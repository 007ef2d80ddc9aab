"""The options of the in-process test bank, read and checked once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured

from django_dinero.gateways.options import wrong
from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.bank.enums import Check
from django_dinero.sandbox.bank.records import Account

OPTION_NAMES = frozenset({"store", "reject_avs", "reject_cvv", "max_cards", "allow_in_production"})


@dataclass(frozen=True, slots=True)
class Options:
    """What a test bank is configured with; ``store`` is None for memory."""

    gateway_name: str
    store: str | None
    account: Account
    allow_in_production: bool


def read(gateway_name: str, given: Mapping[str, Any], currency: str) -> Options:
    """Return the options of a gateway.

    Raises:
        ImproperlyConfigured: one is impossible.
    """
    account: dict[str, Any] = {"currency": currency}
    for name in ("reject_avs", "reject_cvv"):
        if name in given:
            letters = given[name]
            if not (isinstance(letters, str) and set(letters) <= set(Check)):
                known = "".join(Check)
                raise wrong(gateway_name, name, f"is a str of the letters {known}, empty for none")
            account[name] = given[name]
    if "max_cards" in given:
        if type(given["max_cards"]) is not int or given["max_cards"] < 1:
            raise wrong(gateway_name, "max_cards", "is a whole number above zero")
        account["max_cards"] = given["max_cards"]
    if not isinstance(given.get("allow_in_production", False), bool):
        raise wrong(gateway_name, "allow_in_production", "is True or False")
    store = given.get("store")
    if store is not None and not isinstance(store, str | os.PathLike):
        raise wrong(gateway_name, "store", "is the path of a file")
    return Options(
        gateway_name=gateway_name,
        store=None if store is None else os.fspath(store),
        account=Account(**account),
        allow_in_production=given.get("allow_in_production", False),
    )


def check(options: Options) -> Iterator[CheckMessage]:
    """Find what must not or cannot be used."""
    # django.test.utils.setup_test_environment() makes the outbox and turns DEBUG off; Django's
    # runner and pytest-django both call it.
    testing = hasattr(mail, "outbox")
    if not (settings.DEBUG or testing or options.allow_in_production):
        yield Error(
            f"DINERO gateway {options.gateway_name!r} is the test bank, and DEBUG is off: every "
            "charge would be a gift.",
            hint="Configure a real gateway, or set its option allow_in_production to True.",
            id="dinero.E008",
        )
    if options.store and not Path(options.store).absolute().parent.is_dir():
        yield Error(
            f"DINERO gateway {options.gateway_name!r}: the folder of the store {options.store!r} "
            "does not exist.",
            hint="Make it; the file itself is made at the first use.",
            id="dinero.E009",
        )


def open_bank(options: Options) -> Bank:
    """Open the bank on its store.

    Raises:
        ImproperlyConfigured: the store cannot be opened, or is another program's file.
    """
    try:
        return Bank(options.store, options.account)
    except (ValueError, sqlite3.Error) as error:
        raise ImproperlyConfigured(f"DINERO gateway {options.gateway_name!r}: {error}") from error
