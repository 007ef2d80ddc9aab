"""One address per gateway: ``payments/default/`` where these are included below ``payments/``."""

from __future__ import annotations

from django.urls import path

from django_dinero.webhooks.views import webhook

app_name = "dinero-webhooks"

urlpatterns = [
    path("<str:gateway_name>/", webhook, name="webhook"),
    # A redirect to the slash would lose the body.
    path("<str:gateway_name>", webhook),
]
