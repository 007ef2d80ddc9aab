"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DineroConfig(AppConfig):
    """Label ``dinero``: tables ``dinero_*``, permissions ``dinero.*``."""

    name = "django_dinero"
    label = "dinero"
    verbose_name = _("Payments")
    default_auto_field = "django.db.models.BigAutoField"
