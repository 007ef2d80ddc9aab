"""The route of the schema, for ``path("api/schema/", include("django_dinero.api.openapi.urls"))``.

Below the API's own prefix it stands before the API, which answers whatever is left there.
"""

from __future__ import annotations

from django.urls import path

from django_dinero.api.openapi.views import SchemaView

app_name = "dinero-openapi"
urlpatterns = [path("", SchemaView.as_view(), name="schema")]
