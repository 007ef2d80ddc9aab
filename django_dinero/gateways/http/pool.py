"""The pool of connections to one host, and the TLS context that they share.

One ``urllib3`` pool serves all threads of a process, since it is thread-safe. The parts of a
``requests.Session`` that are not (cookies, authentication, hooks) are not needed here.
"""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import certifi
import urllib3
from django.core.exceptions import ImproperlyConfigured
from urllib3.connection import HTTPConnection, HTTPSConnection

from django_dinero.gateways.http.connection import Counted


def is_http(address: str) -> bool:
    """Say whether an address is http or https, with a host."""
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or an unclosed bracket
        return False


class _Plain(Counted, HTTPConnection):  # type: ignore[misc]
    pass


class _Encrypted(Counted, HTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Encrypted


@functools.cache
def usual_tls_context() -> ssl.SSLContext:
    """Return the context with the certificates of ``certifi``, one for all gateways.

    It costs 0.7 MB and some 15 ms, and a resolver may give each of thousands of merchants a
    gateway.
    """
    return tls_context(None)


def tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and later that verifies certificates.

    Args:
        ca_bundle: a file or folder of certificates to trust instead of the ones of ``certifi``.

    Raises:
        ImproperlyConfigured: the file cannot be read.
    """
    bundle = ca_bundle or certifi.where()
    folder = Path(bundle).is_dir()
    try:
        context = ssl.create_default_context(
            cafile=None if folder else bundle, capath=bundle if folder else None
        )
    except OSError as error:
        raise ImproperlyConfigured(
            f"ca_bundle: no certificates can be read from {bundle!r} ({error})."
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def open_pool(
    url: str, *, context: ssl.SSLContext | None, proxy: str | None, size: int
) -> urllib3.HTTPConnectionPool:
    """Return the pool of connections to the host of ``url``.

    Args:
        url: where requests will go.
        context: for https, shared by all connections.
        proxy: address of a proxy, with user and password if it asks for them.
        size: how many idle connections are kept; more are opened when needed.
    """
    options: dict[str, Any] = {"num_pools": 1, "maxsize": size, "block": False}
    if context is not None:
        options["ssl_context"] = context
    manager: urllib3.PoolManager
    if proxy is None:
        manager = urllib3.PoolManager(**options)
    else:
        manager = urllib3.ProxyManager(
            proxy, proxy_headers=_authorization(proxy), proxy_ssl_context=context, **options
        )
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}
    return manager.connection_from_url(url)


def _authorization(proxy: str) -> dict[str, str] | None:
    """Return the header for the user that a proxy's address names, None if it names none."""
    parts = urlsplit(proxy)
    if not parts.username:
        return None
    user, password = unquote(parts.username), unquote(parts.password or "")
    return dict(urllib3.make_headers(proxy_basic_auth=f"{user}:{password}"))
