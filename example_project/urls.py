from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView

urlpatterns = [
    path("", TemplateView.as_view(template_name="example_project/home.html"), name="home"),
    path("admin/", admin.site.urls),
    path("api/sign-in/", include("rest_framework.urls")),
    path("api/", include("django_dinero.api.urls")),
]
