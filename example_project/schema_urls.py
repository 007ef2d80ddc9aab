"""The OpenAPI schema of the API, and a page to read it and to try it on."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

urlpatterns = [
    path(
        "page/",
        SpectacularSwaggerSplitView.as_view(
            url_name="dinero-openapi:schema",
            template_name="example_project/schema.html",
            title="django-dinero: the API of the example project",
        ),
        name="schema-page",
    ),
    path("", include("django_dinero.api.openapi.urls")),
]
