"""The API's own address: ``GET`` lists the addresses of the lists."""

from __future__ import annotations

from rest_framework.routers import APIRootView
from rest_framework.schemas import DefaultSchema

from django_dinero.api.views.base import DineroView


class RootView(DineroView, APIRootView):
    """The addresses of the lists."""

    schema = DefaultSchema()  # without one it would be missing in the OpenAPI schema
