"""The dialect that is spoken where none was chosen."""

from __future__ import annotations

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import AuthorizeNetDialect
from django_dinero.sandbox.dialects.authorizenet.notices import AuthorizeNetNotifier
from django_dinero.sandbox.http.exchange import Dialect, Notifier


def default_dialect(bank: Bank) -> Dialect:
    """Return the dialect that server and adapter speak unless they are given another.

    It stands here so that the transport names no provider.
    """
    return AuthorizeNetDialect(bank)


def default_notifier(bank: Bank) -> Notifier:
    """Return the webhooks that go with the default dialect."""
    return AuthorizeNetNotifier(bank)
