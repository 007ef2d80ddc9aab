"""The ``DINERO`` setting, read on each access so that ``override_settings`` works."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DEFAULT_GATEWAY = "default"

KNOWN = frozenset(
    {
        *("GATEWAYS", "GATEWAY_RESOLVER", "JOURNAL_ALIAS", "ON_ROLLBACK", "TASKS", "WEBHOOKS"),
        *("KEEP_OPERATIONS_DAYS", "ADMIN_CONFIRM_ABOVE"),
        *("API_ACCEPTS_RAW_CARDS", "API_BROWSABLE", "API_GATEWAYS", "API_GUEST_CHARGES"),
    }
)
#: Days for which an operation is kept whole at least. Until then a lost row may be written again
#: from it, a payment may land late, and an authorization that nobody captures runs out.
KEEP_AT_LEAST = 30
#: Ten years. A database's clock does not reach back as far as Python's numbers.
KEEP_AT_MOST = 3650
#: What becomes of a charge whose row a rollback of the caller took.
ON_ROLLBACK = ("keep", "void")
#: Who carries work out in the background: Django's tasks framework, or Celery.
ENGINES = ("django", "celery")


@dataclass(frozen=True, slots=True)
class Entry:
    """The configuration of a gateway: the dotted path of its class, and its options."""

    backend: str
    options: dict[str, Any] = field(repr=False)


def dinero() -> Mapping[str, Any]:
    """Return ``settings.DINERO``, empty if it is not set.

    Raises:
        ImproperlyConfigured: it is not a mapping.
    """
    value = getattr(settings, "DINERO", {})
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured('DINERO must be a dict: {"GATEWAYS": {...}}.')
    return value


def gateways() -> Mapping[str, Any]:
    """Return the configured gateways by name; :func:`entry` reads one."""
    value = dinero().get("GATEWAYS", {})
    if not isinstance(value, Mapping):
        raise ImproperlyConfigured('DINERO["GATEWAYS"] must be a dict of gateways.')
    return value


def entry(name: str, config: object) -> Entry:
    """Read an entry of GATEWAYS. Its options are copied, so that later changes have no effect.

    Raises:
        ImproperlyConfigured: it has the wrong shape, or an unknown key that would have no effect.
    """
    if not isinstance(config, Mapping):
        raise ImproperlyConfigured(
            f"DINERO gateway {name!r} must be a dict: "
            '{"BACKEND": "dotted.path.of.the.Class", "OPTIONS": {...}}.'
        )
    unknown = sorted(set(map(str, config)) - {"BACKEND", "OPTIONS"})
    if unknown:
        raise ImproperlyConfigured(
            f"DINERO gateway {name!r} has unknown keys: {', '.join(unknown)}. Known: BACKEND, "
            "OPTIONS; what a backend is told goes into OPTIONS."
        )
    backend = config.get("BACKEND")
    if not isinstance(backend, str) or not backend:
        raise ImproperlyConfigured(
            f"DINERO gateway {name!r} has no BACKEND, the dotted path of a class."
        )
    options = config.get("OPTIONS") or {}
    if not isinstance(options, Mapping):
        raise ImproperlyConfigured(f"DINERO gateway {name!r}: OPTIONS must be a dict.")
    return Entry(backend, dict(options))


def gateway_resolver() -> str:
    """Return the dotted path of a callable that configures gateways not in GATEWAYS, or ''."""
    return str(dinero().get("GATEWAY_RESOLVER") or "")


def journal_alias() -> str:
    """Return the database alias on which the journal commits by itself, or '' for none."""
    return str(dinero().get("JOURNAL_ALIAS") or "")


def on_rollback() -> str:
    """Return what becomes of a charge whose row a rollback took: ``"keep"`` or ``"void"``.

    Raises:
        ImproperlyConfigured: something else is set.
    """
    value = dinero().get("ON_ROLLBACK") or ON_ROLLBACK[0]
    if value not in ON_ROLLBACK:
        raise ImproperlyConfigured('DINERO["ON_ROLLBACK"] must be "keep" or "void".')
    return str(value)


def keep_operations_days() -> int | None:
    """Return for how many days finished operations keep what they have of a person; None for ever.

    Raises:
        ImproperlyConfigured: something else is set.
    """
    value = dinero().get("KEEP_OPERATIONS_DAYS")
    if value is None:
        return None
    if type(value) is not int or not KEEP_AT_LEAST <= value <= KEEP_AT_MOST:
        raise ImproperlyConfigured(
            'DINERO["KEEP_OPERATIONS_DAYS"] is None, or a number of days from '
            f"{KEEP_AT_LEAST} to {KEEP_AT_MOST}."
        )
    return value


def admin_confirm_above() -> Mapping[str, Decimal]:
    """Return above which amounts the admin asks again before it charges, by currency.

    One for all currencies stands under an empty name.

    Raises:
        ImproperlyConfigured: it is no amount, and no dict of amounts by currency.
    """
    value = dinero().get("ADMIN_CONFIRM_ABOVE")
    if value is None:
        return {}
    given = value if isinstance(value, Mapping) else {"": value}
    for name, amount in given.items():
        is_code = name == "" or (isinstance(name, str) and re.fullmatch("[A-Z]{3}", name))
        is_amount = isinstance(amount, int | str | Decimal) and not isinstance(amount, bool)
        if not (is_code and is_amount and re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,4})?", str(amount))):
            raise ImproperlyConfigured(
                'DINERO["ADMIN_CONFIRM_ABOVE"] is an amount, as "1000.00" or 1000, or a dict of '
                'amounts by currency: {"USD": 1000, "JPY": 100000}.'
            )
    return {name: Decimal(str(amount)) for name, amount in given.items()}


@dataclass(frozen=True, slots=True)
class Api:
    """What the REST API may do, by the keys of ``DINERO`` that begin with ``API_``.

    Attributes:
        accepts_raw_cards: whether a body may hold card numbers and CVVs, over https.
        browsable: whether browsers get pages in place of JSON.
        gateways: the dotted path of a callable that names a user's gateways; empty for the rule.
        guest_charges: the dotted path of a callable that prices the charges of shoppers; empty
            where only callers with the permission charge tokens.
    """

    accepts_raw_cards: bool = False
    browsable: bool = False
    gateways: str = ""
    guest_charges: str = ""


def api() -> Api:
    """Return what the settings say about the API.

    Raises:
        ImproperlyConfigured: a value has another type. A text like "false" opens nothing.
    """
    found: dict[str, Any] = {}
    for each in fields(Api):
        key = f"API_{each.name.upper()}"
        value = dinero().get(key)
        if value is None:
            continue
        if type(value) is not type(each.default):
            what = "True or False" if each.default is False else "the dotted path of a callable"
            raise ImproperlyConfigured(f'DINERO["{key}"] is {what}.')
        found[each.name] = value
    return Api(**found)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What is done with webhooks, in the order of the keys of ``DINERO["WEBHOOKS"]``.

    Attributes:
        inline: whether an event is applied right after it was answered, by the same worker.
        inline_seconds: how long that may ask the gateway; what takes longer is tried again later.
        max_tries: how often an event is tried before a person has to look at it.
        keep_days: for how long the bodies of finished events are kept, in days.
    """

    inline: bool = True
    inline_seconds: float = 5.0
    max_tries: int = 10
    keep_days: int = 60


def webhooks() -> Webhooks:
    """Return what ``DINERO["WEBHOOKS"]`` says, with the defaults of what it leaves out.

    Raises:
        ImproperlyConfigured: it is no dict, has an unknown key, or an impossible value.
    """
    given = dinero().get("WEBHOOKS", {})
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured('DINERO["WEBHOOKS"] must be a dict.')
    names = {each.name.upper(): each.name for each in fields(Webhooks)}
    unknown = sorted(set(map(str, given)) - set(names))
    if unknown:
        raise ImproperlyConfigured(
            f'DINERO["WEBHOOKS"] has unknown keys: {", ".join(unknown)}. Known: '
            f"{', '.join(sorted(names))}."
        )
    found = Webhooks(**{names[key]: value for key, value in given.items()})
    if type(found.inline) is not bool:
        raise ImproperlyConfigured('DINERO["WEBHOOKS"]["INLINE"] is True or False.')
    for name in ("inline_seconds", "max_tries", "keep_days"):
        _refuse_unless_above_zero(name, getattr(found, name))
    return found


def _refuse_unless_above_zero(name: str, value: object) -> None:
    kinds = (int, float) if name == "inline_seconds" else (int,)
    if type(value) not in kinds or not 0 < value < 32_767:  # type: ignore[operator]
        raise ImproperlyConfigured(
            f'DINERO["WEBHOOKS"]["{name.upper()}"] is a number above zero, and no longer than four '
            "digits."
        )


@dataclass(frozen=True, slots=True)
class Tasks:
    """How work is done in the background, in the order of the keys of ``DINERO["TASKS"]``.

    Attributes:
        engine: one of :data:`ENGINES`.
        backend: for Django's tasks, an alias of the setting ``TASKS``.
        queue: the queue's name; empty for the engine's own default.
    """

    engine: str
    backend: str = "default"
    queue: str = ""


def tasks() -> Tasks | None:
    """Return what ``DINERO["TASKS"]`` says; None if nothing is done in the background.

    Raises:
        ImproperlyConfigured: it is no engine's name and no dict, has an unknown key, or an
            impossible value.
    """
    given = dinero().get("TASKS")
    if given is None:
        return None
    if isinstance(given, str):
        given = {"ENGINE": given}
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(
            'DINERO["TASKS"] must be None, "django", "celery", or a dict: {"ENGINE": "django"}.'
        )
    names = {each.name.upper(): each.name for each in fields(Tasks)}
    unknown = sorted(set(map(str, given)) - set(names))
    if unknown:
        raise ImproperlyConfigured(
            f'DINERO["TASKS"] has unknown keys: {", ".join(unknown)}. Known: '
            f"{', '.join(sorted(names))}."
        )
    if given.get("ENGINE") not in ENGINES:
        raise ImproperlyConfigured('DINERO["TASKS"]["ENGINE"] must be "django" or "celery".')
    for key in ("BACKEND", "QUEUE"):
        if key in given and not (isinstance(given[key], str) and given[key]):
            raise ImproperlyConfigured(f'DINERO["TASKS"]["{key}"] must be a name.')
    if given["ENGINE"] == "celery" and "BACKEND" in given:
        raise ImproperlyConfigured(
            'DINERO["TASKS"]["BACKEND"] is an alias of Django\'s TASKS. Celery has none; its '
            "broker stands in its own settings."
        )
    return Tasks(**{names[key]: value for key, value in given.items()})
