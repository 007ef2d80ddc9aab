"""The answer for addresses that the API does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.urls import is_valid_path
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from django_dinero.api.views.base import DineroView


class UnknownRouteView(DineroView):
    """A 404 in the shape of all errors, for any method and anybody.

    It stands last in the API's routes. Where a slash is all that is missing, it does what
    ``APPEND_SLASH`` would do: Django's middleware acts only on addresses that match no route.
    """

    permission_classes: Sequence[type[BasePermission]] = ()

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Redirect a GET that lacks its slash; refuse everything else."""
        if request.method in ("GET", "HEAD") and _lacks_slash(request):
            return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse, without a look at who asks or at the body.

        Raises:
            NotFound: always.
        """
        # A redirect would turn a POST into a GET, and its body would be lost.
        if _lacks_slash(request):
            raise NotFound(_("Addresses of this API end with a slash."))
        raise NotFound(_("There is no such address."))


def _lacks_slash(request: Any) -> bool:
    path = request.path_info
    if not settings.APPEND_SLASH or path.endswith("/"):
        return False
    match = is_valid_path(f"{path}/", getattr(request, "urlconf", None))
    return match is not False and getattr(match.func, "view_class", None) is not UnknownRouteView
