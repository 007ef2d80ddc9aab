"""System checks for settings, databases and routes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError
from django.urls import URLResolver, get_resolver
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from django_dinero import conf
from django_dinero.gateways.registry import build
from django_dinero.models import CreditCard, Customer, Operation, Transaction

if TYPE_CHECKING:
    from django_dinero.gateways.base import Gateway

MAKE_ALIAS_HINT = "Make it with django_dinero.db.journal_alias(DATABASES['default'])."
_SECRET_NAMES = re.compile(r"KEY|SECRET|TOKEN|PASS|LOGIN", re.IGNORECASE)


def connect() -> None:
    """Register the checks; called once, when the app is ready."""
    register(check_settings, "dinero")
    register(check_journal, "dinero")
    register(check_users, "dinero")
    register(check_deployment, "dinero", deploy=True)
    register(check_routes, Tags.urls)
    register(check_rows, Tags.database)


def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Check the DINERO setting and every gateway in it."""
    try:
        return [
            *_check_shape(),
            *(
                m
                for gateway_name, c in conf.gateways().items()
                for m in _check_entry(gateway_name, c)
            ),
        ]
    except ImproperlyConfigured as error:
        return [Error(str(error), id="dinero.E001")]


def _check_shape() -> Iterator[CheckMessage]:
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
            hint="To begin with, a test bank: DINERO = {'GATEWAYS': {'default': {'BACKEND': "
            "'django_dinero.gateways.sandbox.SandboxGateway'}}}",
            id="dinero.E001",
        )
    elif conf.DEFAULT_GATEWAY not in conf.gateways() and not conf.gateway_resolver():
        yield checks.Warning(
            "DINERO has no gateway called 'default'.",
            hint="Every call will have to say gateway_name.",
            id="dinero.W002",
        )
    if conf.gateway_resolver():
        yield from _check_resolver(conf.gateway_resolver())


def _check_resolver(path: str) -> Iterator[CheckMessage]:
    try:
        found = import_string(path)
    except Exception as error:  # the module may raise anything
        text = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        yield Error(f'DINERO["GATEWAY_RESOLVER"]: {text}', id="dinero.E002")
        return
    if not callable(found):
        yield Error(
            f'DINERO["GATEWAY_RESOLVER"]: {path!r} is not callable.',
            hint="It takes a gateway's name and returns a dict with BACKEND and OPTIONS, or None.",
            id="dinero.E002",
        )


def _check_entry(gateway_name: str, config: object) -> Iterator[CheckMessage]:
    try:
        entry = conf.entry(gateway_name, config)
    except ImproperlyConfigured as error:
        yield Error(str(error), id="dinero.E003")
        return
    yield from _check_secrets(gateway_name, entry.options)
    try:
        gateway = build(gateway_name, entry)
    except Exception as error:  # a third-party backend may raise anything
        yield Error(_error_text(gateway_name, error), id="dinero.E003")
        return
    yield from gateway.check()
    if gateway.live and settings.DEBUG:
        yield checks.Warning(
            f"DINERO gateway {gateway_name!r} moves real money, and DEBUG is on.",
            hint="A debug page shows settings and local variables to whoever meets an error.",
            id="dinero.W003",
        )


def check_deployment(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Find gateways of a server in production that move no real money."""
    try:
        entries = {} if settings.DEBUG else conf.gateways()
    except ImproperlyConfigured:
        return []  # check_settings reports it
    found = ((name, _built(name, config)) for name, config in entries.items())
    return [
        checks.Warning(
            f"DINERO gateway {name!r} is {gateway.test_account}, and DEBUG is off: whoever pays "
            "there pays nothing.",
            hint="Configure the live account, under a name of its own if this one has rows. On a "
            "server for tests, silence this.",
            id="dinero.W008",
        )
        for name, gateway in found
        if gateway is not None and not gateway.live
    ]


def _built(gateway_name: str, config: object) -> Gateway | None:
    try:
        return build(gateway_name, conf.entry(gateway_name, config))
    except Exception:  # check_settings reports it
        return None


def _error_text(gateway_name: str, error: Exception) -> str:
    """Return the text of an error, with the gateway's name unless the text has it already."""
    if isinstance(error, ImproperlyConfigured) and repr(gateway_name) in str(error):
        return str(error)
    name = "" if isinstance(error, ImproperlyConfigured) else f"{type(error).__name__}: "
    return f"DINERO gateway {gateway_name!r}: {name}{error}"


def _check_secrets(gateway_name: str, options: Mapping[str, Any]) -> Iterator[CheckMessage]:
    for name, value in options.items():
        if not _SECRET_NAMES.search(name) or value is None:
            continue
        text = value if isinstance(value, str) else ""
        if not text or text != text.strip() or not text.isprintable():
            yield Error(
                f"DINERO gateway {gateway_name!r}: the option {name!r} cannot be read as a key.",
                hint="It is empty, has blanks around it, or is no text. Its value is not shown.",
                id="dinero.E004",
            )


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


def check_routes(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Find routes of the project that the API's catch-all route hides."""
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    hidden: list[str] = []
    prefix: str | None = None
    for route, is_api in _routes(get_resolver().url_patterns):
        if prefix is not None and route.startswith(prefix):
            hidden.append(route)
        elif is_api:
            prefix = route
    if not hidden:
        return []
    names = ", ".join(map(repr, hidden[:5])) + (", …" if hidden[5:] else "")
    return [
        checks.Warning(
            f"Below {prefix!r} the API answers what it does not know with a 404, before these "
            f"routes are reached: {names}.",
            hint="Include django_dinero.api.urls after them, or below a prefix of its own.",
            id="dinero.W006",
        )
    ]


def _routes(patterns: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Return every route in order, and whether the API is included there."""
    for each in patterns:
        route = prefix + str(each.pattern).removeprefix("^")
        is_api = isinstance(each, URLResolver) and each.app_name == "dinero-api"
        if isinstance(each, URLResolver) and not is_api:
            yield from _routes(each.url_patterns, route)
        else:
            yield route, is_api


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
