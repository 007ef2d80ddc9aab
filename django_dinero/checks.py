"""System checks: what would go wrong with money, said before it does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.utils import DatabaseError
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from django_dinero import conf
from django_dinero.exceptions import DineroError
from django_dinero.gateways.registry import backend_class
from django_dinero.models import CreditCard, Customer, Operation, Transaction

_SECRET_NAMES = re.compile(r"KEY|SECRET|TOKEN|PASS|LOGIN", re.IGNORECASE)


def connect() -> None:
    """Register the checks; called once, when the app is ready."""
    register(check_settings, "dinero")
    register(check_journal, "dinero")
    register(check_rows, Tags.database)


def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check the DINERO setting and every gateway in it."""
    try:
        return [*_shape(), *(m for alias, c in conf.gateways().items() for m in _entry(alias, c))]
    except ImproperlyConfigured as error:
        return [Error(str(error), id="dinero.E001")]


def _shape() -> Iterator[CheckMessage]:
    unknown = sorted(set(conf.dinero()) - conf.KNOWN)
    if unknown:
        yield checks.Warning(
            f"DINERO has unknown keys: {', '.join(unknown)}.",
            hint=f"Known: {', '.join(sorted(conf.KNOWN))}.",
            id="dinero.W001",
        )
    if not conf.gateways() and not conf.gateway_resolver():
        yield Error(
            'DINERO["GATEWAYS"] has no gateway.',
            hint="Add a 'default' one; django_dinero.gateways.sandbox.SandboxGateway needs none.",
            id="dinero.E001",
        )
    elif conf.DEFAULT_GATEWAY not in conf.gateways() and not conf.gateway_resolver():
        yield checks.Warning(
            "DINERO has no gateway called 'default'.",
            hint="Every call will have to say gateway_name.",
            id="dinero.W002",
        )
    if conf.gateway_resolver():
        try:
            import_string(conf.gateway_resolver())
        except ImportError as error:
            yield Error(f'DINERO["GATEWAY_RESOLVER"]: {error}', id="dinero.E002")


def _entry(alias: str, config: Mapping[str, Any]) -> Iterator[CheckMessage]:
    if not isinstance(config, Mapping):
        yield Error(f"DINERO gateway {alias!r} must be a dict.", id="dinero.E003")
        return
    yield from _unreadable(alias, config.get("OPTIONS") or {})
    try:
        gateway = backend_class(alias, config)(alias, config.get("OPTIONS"))
    except (ImproperlyConfigured, DineroError, TypeError, ValueError) as error:
        yield Error(f"DINERO gateway {alias!r}: {error}", id="dinero.E003")
        return
    yield from gateway.check()
    if gateway.live and settings.DEBUG:
        yield checks.Warning(
            f"DINERO gateway {alias!r} moves real money, and DEBUG is on.",
            hint="A debug page shows settings and local variables to whoever meets an error.",
            id="dinero.W003",
        )


def _unreadable(alias: str, options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name, value in options.items():
        if not _SECRET_NAMES.search(name) or value is None:
            continue
        text = value if isinstance(value, str) else ""
        if not text or text != text.strip() or not text.isprintable():
            yield Error(
                f"DINERO gateway {alias!r}: the option {name!r} cannot be read as a key.",
                hint="It is empty, has blanks around it, or is no text. Its value is not shown.",
                id="dinero.E004",
            )


def check_journal(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that the journal's alias is a second connection to the same database."""
    alias = conf.journal_alias()
    if not alias:
        return []
    try:
        journal = connections[alias].settings_dict
    except ConnectionDoesNotExist:
        return [Error(f'DINERO["JOURNAL_ALIAS"]: no database {alias!r}.', id="dinero.E005")]
    main = connections[router.db_for_write(Operation)].settings_dict
    return [Error(text, hint=hint, id="dinero.E005") for text, hint in _journal(journal, main)]


def _journal(journal: Mapping[str, Any], main: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    helper = "Make it with django_dinero.db.journal_alias(DATABASES['default'])."
    if connections[conf.journal_alias()].vendor == "sqlite":
        yield (
            "SQLite has one writer; the journal cannot have a connection of its own.",
            ("Leave JOURNAL_ALIAS out and charge outside transactions."),
        )
    if any(journal.get(name) != main.get(name) for name in ("ENGINE", "NAME", "HOST", "PORT")):
        yield "The journal's alias points to another database than its tables.", helper
    if journal.get("ATOMIC_REQUESTS"):
        yield "ATOMIC_REQUESTS on the journal's alias rolls the journal back.", helper
    if router.db_for_write(Operation) == conf.journal_alias():
        yield (
            "A database router sends the journal's rows to its own alias.",
            ("Route dinero.Operation to the database that holds your other tables."),
        )


def check_rows(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Find rows of gateways that are no longer configured: nothing can be done with them."""
    if not databases or conf.gateway_resolver():
        return []
    configured = set(conf.gateways())
    lost: dict[str, list[str]] = {}
    for model in (Customer, CreditCard, Transaction, Operation):
        rows = model._default_manager.order_by().values_list("gateway_name", flat=True).distinct()
        try:
            names = set(rows)
        except DatabaseError:
            return []  # not migrated yet
        for name in names - configured:
            lost.setdefault(name, []).append(str(model._meta.verbose_name_plural))
    return [
        Error(
            f"The database has {', '.join(what)} of the gateway {name!r}, which DINERO lacks.",
            hint="Configure it again, under the same alias, for as long as its rows are needed.",
            id="dinero.E006",
        )
        for name, what in sorted(lost.items())
    ]
