from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.urls import include, path
from django.views.generic import TemplateView

from example_project.settings import MAIL_DIR

urlpatterns = [
    path(
        "",
        TemplateView.as_view(
            template_name="example_project/home.html", extra_context={"mails": MAIL_DIR}
        ),
        name="home",
    ),
    path("shop/", include("example_project.shop.urls")),
    path("admin/", admin.site.urls),
    path("api/sign-in/", include("rest_framework.urls")),
]
if apps.is_installed("drf_spectacular_sidecar"):
    urlpatterns += [path("api/schema/", include("example_project.schema_urls"))]
urlpatterns += [
    path("api/", include("django_dinero.api.urls")),
    path("payments/", include("django_dinero.webhooks.urls")),
]
