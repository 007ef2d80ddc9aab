"""Our admins, registered again as an unfold project does it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.contrib import admin
from django.urls import path

from tests.integration.admin.access import own_admins

base: Any = import_module("unfold.admin").ModelAdmin
for own in own_admins():
    admin.site.unregister(own.model)
    admin.site.register(own.model, type(f"Themed{type(own).__name__}", (type(own), base), {}))

urlpatterns = [path("admin/", admin.site.urls)]
