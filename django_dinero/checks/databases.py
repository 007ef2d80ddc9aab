"""Checks of the databases: the journal's connection, the users' tables, rows of old gateways."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError
from django.utils.connection import ConnectionDoesNotExist

from django_dinero import conf
from django_dinero.models import CreditCard, Customer, Operation, Transaction

MAKE_ALIAS_HINT = "Make it with django_dinero.db.journal_alias(DATABASES['default'])."


def check_journal(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that the journal alias is a second connection to the same database."""
    try:
        alias = conf.journal_alias()
    except ImproperlyConfigured:
        return []  # check_settings reports it
    if not alias:
        return []
    try:
        journal = connections[alias]
    except ConnectionDoesNotExist:
        return [Error(f'DINERO["JOURNAL_ALIAS"]: no database {alias!r}.', id="dinero.E005")]
    main = router.db_for_write(Operation)
    if main == alias:
        return [
            Error(
                f"The journal's rows are written through {alias!r} already; that is no connection "
                "of its own.",
                hint="JOURNAL_ALIAS names a second alias of the same database, and no database "
                "router may send dinero.Operation there.",
                id="dinero.E005",
            )
        ]
    errors: list[CheckMessage] = [
        Error(text, hint=hint, id="dinero.E005")
        for text, hint in _journal_faults(journal, connections[main].settings_dict)
    ]
    return errors or list(_check_lock_timeout(journal))


def _journal_faults(
    journal: BaseDatabaseWrapper, main: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    entry = journal.settings_dict
    if journal.vendor == "sqlite":
        yield (
            "SQLite has one writer; the journal cannot have a connection of its own.",
            "Leave JOURNAL_ALIAS out and charge outside transactions.",
        )
    if any(entry.get(name) != main.get(name) for name in ("ENGINE", "NAME", "HOST", "PORT")):
        yield "The journal's alias points to another database than its tables.", MAKE_ALIAS_HINT
    if entry.get("ATOMIC_REQUESTS"):
        yield "ATOMIC_REQUESTS on the journal's alias rolls the journal back.", MAKE_ALIAS_HINT
    if not entry.get("AUTOCOMMIT", True):
        yield (
            "AUTOCOMMIT is off on the journal's alias: nothing that it writes is kept.",
            MAKE_ALIAS_HINT,
        )


def _check_lock_timeout(journal: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    """Warn if the journal could wait for ever for a lock of its own caller."""
    options = journal.settings_dict.get("OPTIONS", {})
    limit = {"postgresql": ("options", "lock_timeout"), "mysql": ("init_command", "lock_wait")}
    name, setting = limit.get(journal.vendor, ("", ""))
    if name and setting not in str(options.get(name, "")):
        yield checks.Warning(
            "The journal's connection waits for locks as long as the server lets it; a caller that "
            "holds one waits for itself.",
            hint=f"{MAKE_ALIAS_HINT} Silence this if the role or the server sets a limit of some "
            "seconds.",
            id="dinero.W005",
        )


def check_requests(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Find views that could not charge: they run in a transaction, and the journal has no other."""
    try:
        alias = conf.journal_alias()
    except ImproperlyConfigured:
        return []  # check_settings reports it
    if alias or not connections[router.db_for_write(Operation)].settings_dict["ATOMIC_REQUESTS"]:
        return []
    return [
        checks.Warning(
            'ATOMIC_REQUESTS is on and DINERO["JOURNAL_ALIAS"] is not set: a charge in a view is '
            "refused unless the view is non_atomic_requests.",
            hint="Put @transaction.non_atomic_requests on the views that charge, use "
            "charge_on_commit(), or set JOURNAL_ALIAS (PostgreSQL, MariaDB). The app's own pages "
            "and its API are exempt. Silence this if your views are, too.",
            id="dinero.W017",
        )
    ]


def check_users(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that customers and their owners are in one database."""
    users = get_user_model()
    ours, theirs = router.db_for_write(Customer), router.db_for_write(users)
    if ours == theirs:
        return []
    return [
        Error(
            f"The tables of dinero are in the database {ours!r}, those of {users._meta.label} in "
            f"{theirs!r}: a customer's owner is a foreign key, and none spans two databases.",
            hint="Have your DATABASE_ROUTERS send the app 'dinero' to the database of the users.",
            id="dinero.E011",
        )
    ]


def check_rows(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Find rows of gateways that are no longer configured."""
    try:
        if conf.gateway_resolver():
            return []
        configured = set(conf.gateways())
    except ImproperlyConfigured:
        return []  # check_settings reports it
    lost: dict[str, list[str]] = {}
    for model in (Customer, CreditCard, Transaction, Operation):
        if router.db_for_read(model) not in (databases or ()):
            continue
        rows = model._default_manager.order_by().values_list("gateway_name", flat=True).distinct()
        try:
            names = set(rows)
        except DatabaseError as error:
            return _unmigrated_warning(router.db_for_read(model), error)
        for name in names - configured:
            lost.setdefault(name, []).append(str(model._meta.verbose_name_plural))
    return [
        Error(
            f"The database has {', '.join(what)} of the gateway {name!r}, which DINERO lacks.",
            hint="Configure it again, under the same name, for as long as its rows are needed.",
            id="dinero.E006",
        )
        for name, what in sorted(lost.items())
    ]


def _unmigrated_warning(alias: str, error: DatabaseError) -> list[CheckMessage]:
    """Warn that tables are missing, before a page of the admin or the API fails."""
    if sys.argv[1:2] == ["migrate"]:
        return []  # migrate runs this check too, and is about to create the tables
    return [
        checks.Warning(
            f"The tables of dinero cannot be read in the database {alias!r}: {error}",
            hint=f"Run: python manage.py migrate --database {alias}",
            id="dinero.W007",
        )
    ]
