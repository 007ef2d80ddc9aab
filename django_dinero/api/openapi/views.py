"""The schema as an answer: of this API alone, whatever else the project has."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from typing import Any, NamedTuple

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import HttpResponse
from django.utils.translation import get_language, get_supported_language_variant
from django.utils.translation import gettext_lazy as _
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

from django_dinero import __version__
from django_dinero.api.openapi.endpoints import RESOURCES
from django_dinero.api.views.base import DineroView

#: drf-spectacular puts ``custom_settings`` into its global settings for a while. Two requests at a
#: time would leave them there, for a project's own schema too.
_ONE_AT_A_TIME = Lock()


class _Document(NamedTuple):
    content: bytes
    headers: dict[str, str]


#: By what they depend on. Strangers ask for them, and each takes long to make.
_DOCUMENTS: dict[Hashable, _Document] = {}


def only_this_api(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Return the endpoints of our views and of a project's subclasses of them."""
    return [each for each in endpoints if issubclass(each[3].cls, DineroView)]


class SchemaView(SpectacularAPIView):
    """The OpenAPI schema of the payments API."""

    versioning_class = None
    # JSON for whoever asks for nothing: every tool reads it.
    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer,
        OpenApiYamlRenderer2,
    ]
    custom_settings = {
        "OAS_VERSION": "3.1.1",
        "TITLE": _("Payments"),
        "VERSION": __version__,
        "DESCRIPTION": _("Stored cards and charges, through any payment gateway."),
        "TAGS": [{"name": tag} for _name, tag in RESOURCES.values()],
        "PREPROCESSING_HOOKS": [f"{__name__}.only_this_api"],
        # They would name things for a whole project.
        "POSTPROCESSING_HOOKS": [],
    }

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the schema."""
        key = self._key(request)
        with _ONE_AT_A_TIME:
            kept = None if key is None else _DOCUMENTS.get(key)
            if kept is None:
                kept = self._document(request)
            if key is not None:
                _DOCUMENTS[key] = kept
        return HttpResponse(kept.content, headers=kept.headers)

    def _key(self, request: Request) -> Hashable | None:
        """Return what the document depends on; None where it is to be made each time.

        Nothing that callers choose freely is in it: they could fill the memory.
        """
        if not self.serve_public or self.patterns is not None or self.urlconf is not None:
            return None  # a project's own view: of its caller's permissions, or of other routes
        return (
            type(self),
            self.api_version,
            settings.ROOT_URLCONF,
            _language_of(request),
            request.accepted_renderer.media_type,
        )

    def _document(self, request: Request) -> _Document:
        response: Any = super().get(request)  # type: ignore[no-untyped-call]
        response.accepted_renderer = request.accepted_renderer
        # Without the parameters of the header, as an indent.
        response.accepted_media_type = request.accepted_renderer.media_type
        response.renderer_context = self.get_renderer_context()
        return _Document(response.rendered_content, dict(response.headers))

    def _get_version_parameter(self, request: Request) -> None:
        """Return no version: the API has none, and anything can be asked for."""


def _language_of(request: Request) -> str:
    """Return the language that drf-spectacular makes the schema in, of those that there are."""
    asked = request.GET.get("lang") if settings.USE_I18N else None
    if not asked:
        return get_language() or ""
    try:
        return get_supported_language_variant(asked)
    except LookupError:
        return settings.LANGUAGE_CODE


@receiver(setting_changed)
def _forget(**kwargs: Any) -> None:
    _DOCUMENTS.clear()
