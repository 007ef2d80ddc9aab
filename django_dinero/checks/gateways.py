"""Checks of the settings, and of every gateway in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_dinero import conf
from django_dinero.gateways.registry import build

if TYPE_CHECKING:
    from django_dinero.gateways.base import Gateway

_SECRET_NAMES = re.compile(r"KEY|SECRET|TOKEN|PASS|LOGIN", re.IGNORECASE)


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
    conf.webhooks()
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
    try:
        conf.on_rollback()
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="With keep, a charge whose row a rollback took gets its row again; with void it "
            "is also given back.",
            id="dinero.E012",
        )
    try:
        conf.keep_operations_days()
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Before that, a payment may land late or lose its row to a rollback, and is "
            "written from its operation.",
            id="dinero.E013",
        )
    try:
        conf.admin_confirm_above()
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Leave it out, and the admin charges any amount without asking again.",
            id="dinero.E016",
        )


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
        # One that cannot be used at all is not said to take nothing, too.
        if gateway is not None and not gateway.live and not _is_refused(gateway)
    ]


def check_accounts(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Find names that stand for one and the same account at a provider."""
    try:
        entries = conf.gateways()
    except ImproperlyConfigured:
        return []  # check_settings reports it
    names: dict[tuple[str, str], list[str]] = {}
    for name, config in entries.items():
        gateway = _built(name, config)
        if gateway is not None and gateway.account_fingerprint:
            names.setdefault((gateway.provider, gateway.account_fingerprint), []).append(name)
    return [
        checks.Warning(
            f"DINERO gateways {', '.join(map(repr, same))} are one account at {provider}: each "
            "takes what the other stores and charges there for something made elsewhere.",
            hint="Keep one name for the account, that of its rows, and remove the others.",
            id="dinero.W016",
        )
        for (provider, _fingerprint), same in names.items()
        if len(same) > 1
    ]


def _is_refused(gateway: Gateway) -> bool:
    return any(message.is_serious() for message in gateway.check())


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
        # Several, while an old one is replaced.
        values = value if isinstance(value, list | tuple) and value else (value,)
        if not all(_can_be_a_key(name, each) for each in values):
            yield Error(
                f"DINERO gateway {gateway_name!r}: the option {name!r} cannot be read as a key.",
                hint="It is empty, has blanks or line breaks in it, or is no text. Its value is "
                "not shown.",
                id="dinero.E004",
            )


def _can_be_a_key(name: str, value: object) -> bool:
    text = value if isinstance(value, str) else ""
    if not text or text != text.strip() or not text.isprintable():
        return False
    # A pass phrase may have blanks in it. In a key they were pasted along.
    return "KEY" not in name.upper() or not re.search(r"\s", text)
