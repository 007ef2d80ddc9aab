"""What all viewsets share: outside transactions, JSON, one shape of errors, sealed secrets."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db import connections, transaction
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from django_dinero.api import errors
from django_dinero.api.pages import NewestFirst
from django_dinero.api.parsing import SealingJSONParser
from django_dinero.api.permissions import IsAuthenticated, MayAct, Owned
from django_dinero.exceptions import InvalidInput

#: Visible ASCII, without blanks.
IDEMPOTENCY_KEY = re.compile(r"[!-~]{8,64}")
HEADER = "Idempotency-Key"

SerializerT = TypeVar("SerializerT", bound=Serializer[Any])


class DineroViewSet(Owned, GenericViewSet[Any]):
    """A viewset that moves money and pushes to gateways, outside of any transaction.

    Authentication and throttling are those of the project's settings.
    """

    permission_classes = (IsAuthenticated, MayAct)
    parser_classes = (SealingJSONParser,)
    # JSON alone: the browsable API renders back what was typed.
    renderer_classes = (JSONRenderer,)
    pagination_class = NewestFirst
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

    @classmethod
    def as_view(  # type: ignore[override]
        cls, actions: dict[str, str] | None = None, **initkwargs: Any
    ) -> Callable[..., HttpResponseBase]:
        """Return the view, exempt from ATOMIC_REQUESTS of every database."""
        view: Any = super().as_view(actions, **initkwargs)  # type: ignore[arg-type]
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return cast("Callable[..., HttpResponseBase]", view)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer the app's own exceptions; the others are the framework's."""
        error = errors.first_of(exc)
        if error is not None:
            response = errors.response_to(error)
            # As the framework marks its own: a middleware can tell an error from an answer.
            response.exception = True
            return response
        response = super().handle_exception(exc)
        if isinstance(exc, APIException):
            response.data = _shape(exc)
        return response

    def checked(self, serializer: type[SerializerT]) -> dict[str, Any]:
        """Return the body's fields; a wrong one is a 400 that names it."""
        read = serializer(data=self.request.data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def idempotency(self) -> dict[str, str]:
        """Return the arguments that make a repeated request do its work once.

        Raises:
            InvalidInput: no ``Idempotency-Key`` header, or one of another form.
        """
        key = self.request.headers.get(HEADER, "")
        if not IDEMPOTENCY_KEY.fullmatch(key):
            raise InvalidInput(
                {
                    HEADER: _(
                        "Send this header with 8 to 64 visible ASCII characters, a new one for "
                        "each payment and the same one when you repeat a request."
                    )
                }
            )
        return {"idempotency_key": key, "scope": f"user:{self.request.user.pk}"}


def _shape(error: APIException) -> dict[str, Any]:
    """Return the framework's error in the shape of ours."""
    detail: Any = error.detail
    if not isinstance(error, ValidationError):
        return {"code": error.default_code, "detail": str(detail)}
    fields = detail if isinstance(detail, dict) else {"non_field_errors": detail}
    texts = {name: [str(text) for text in _listed(found)] for name, found in fields.items()}
    shown = " ".join(f"{name}: {' '.join(found)}" for name, found in texts.items())
    return {"code": "invalid_input", "detail": shown, "errors": texts}


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]
