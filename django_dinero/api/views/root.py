"""The API's own address: ``GET`` lists the addresses of the lists."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import APIRootView
from rest_framework.schemas import DefaultSchema

from django_dinero.api.addresses import parameters_of_prefix
from django_dinero.api.pagination import refuse_parameters
from django_dinero.api.views.base import DineroView


class RootView(DineroView, APIRootView):
    """The addresses of the lists."""

    schema = DefaultSchema()  # without one it would be missing in the OpenAPI schema

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show them, below the prefix of this request.

        Raises:
            ValidationError: a query parameter that would be ignored.
        """
        refuse_parameters(request)
        shown: Response = super().get(request, *args, **parameters_of_prefix(request))
        return shown
