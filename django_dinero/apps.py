"""The Django app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DineroConfig(AppConfig):
    """The app with the label ``dinero``: tables ``dinero_*``, permissions ``dinero.*``."""

    name = "django_dinero"
    label = "dinero"
    verbose_name = _("Payments")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers, register the checks, and make jobs known to Celery.

        They are imported by name: models cannot be imported before Django has loaded this module.
        """
        import_module("django_dinero.receivers").connect()
        import_module("django_dinero.checks").connect()
        import_module("django_dinero.tasks.queue").connect()
