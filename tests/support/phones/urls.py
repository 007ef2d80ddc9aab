from __future__ import annotations

from django.urls import include, path

from django_dinero.health import health
from tests.integration.wallet import urls

urlpatterns = [
    path("api/", include("django_dinero.api.urls")),
    path("health/", health),
    *urls.urlpatterns,
]
