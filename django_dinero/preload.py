"""Loads what the first charge of a worker would load while its customer waits."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

from django_dinero import services
from django_dinero.gateways import gateways


def preload() -> None:
    """Load the services and every gateway of the settings, and build what their calls need.

    Call it after ``django.setup()``, once in each process or before it forks. No connection is
    opened, neither to a gateway nor to a database.

    Raises:
        ImproperlyConfigured: a gateway must not or cannot be used as it is configured.
    """
    for module in walk_packages(services.__path__, f"{services.__name__}."):
        import_module(module.name)
    for name in gateways:
        gateways[name].preload()
