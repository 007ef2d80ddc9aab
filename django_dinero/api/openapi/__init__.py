"""The OpenAPI schema of the API, for projects that have drf-spectacular.

The views know nothing of it. :mod:`~django_dinero.api.openapi.extensions` tells drf-spectacular
what they take and answer, as soon as the API's routes are loaded, so that a project's own schema
has it too. It takes ``pip install "django-dinero[openapi]"``. ``docs/api.md`` describes the use.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("drf_spectacular") is None:
    raise ImportError('django_dinero.api.openapi needs: pip install "django-dinero[openapi]"')
