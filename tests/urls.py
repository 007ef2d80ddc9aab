"""One set of addresses for nearly all tests: another one has to be compiled anew for each test."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("django_dinero.api.urls")),
    path("payments/", include("django_dinero.webhooks.urls")),
    path("", include("tests.integration.wallet.urls")),
]
