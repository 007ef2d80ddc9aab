"""What all views share: JSON alone, one shape of errors, no transaction around a gateway's call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from django.db import connections, transaction
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from rest_framework import status
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from django_dinero.api import exception_handler, idempotency, throttling
from django_dinero.api.pagination import NewestFirstPagination
from django_dinero.api.parsers import SecretsJSONParser, refuse_unmeasured
from django_dinero.api.permissions import IsAuthenticated, OwnedMixin, OwnerOrStaffPermission
from django_dinero.api.serializers import StaffTransactionSerializer, TransactionSerializer
from django_dinero.exceptions import DineroError
from django_dinero.models import Transaction

SerializerT = TypeVar("SerializerT", bound=Serializer[Any])


class DineroView(APIView):
    """JSON in and out, and one shape of errors.

    Authentication and throttling are the project's. The rest of its ``REST_FRAMEWORK`` is not
    asked: its parsers would hand out card numbers, its versions and permissions would close these
    routes or open them.
    """

    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated,)
    parser_classes = (SecretsJSONParser,)
    # JSON alone: the browsable API renders back what was typed.
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = DefaultContentNegotiation
    versioning_class = None
    http_method_names = ("get", "post", "patch", "delete", "head")

    @classmethod
    def as_view(  # type: ignore[override]
        cls, *args: Any, **initkwargs: Any
    ) -> Callable[..., HttpResponseBase]:
        """Return the view, whose answers no cache may keep: errors, redirects and all."""
        unstored = cache_control(private=True, no_store=True)
        return unstored(super().as_view(*args, **initkwargs))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse forms before anything can fail: the report of a server error shows their fields.

        Raises:
            UnsupportedMediaType: a body that is not JSON.
            LengthRequired: a body that would be overlooked.
        """
        refuse_unmeasured(request)
        body: Any = request.stream
        negotiator: Any = request.negotiator
        if body is not None and negotiator.select_parser(request, request.parsers) is None:
            raise UnsupportedMediaType(request.content_type or "")
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Any:
        """Return the app's own handler: one shape of errors, whatever the project's settings."""
        return exception_handler.handle


class DineroViewSet(DineroView, OwnedMixin, GenericViewSet[Any]):
    """A viewset that moves money and pushes to gateways, outside of any transaction."""

    permission_classes = (IsAuthenticated, OwnerOrStaffPermission)
    pagination_class = NewestFirstPagination
    # The project's own could search or sort by columns that are not shown.
    filter_backends = ()
    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

    @classmethod
    def as_view(  # type: ignore[override]
        cls, actions: dict[str, str] | None = None, **initkwargs: Any
    ) -> Callable[..., HttpResponseBase]:
        """Return the view, exempt from the ATOMIC_REQUESTS of every database."""
        view: Any = super().as_view(actions, **initkwargs)
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return cast("Callable[..., HttpResponseBase]", view)

    @property
    def dinero_throttle(self) -> str:
        """The name of the action's own rate."""
        return throttling.SCOPES.get(self.action, "")

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the project's throttles, and the one of the action's own rate."""
        return [*super().get_throttles(), throttling.ActionThrottle()]

    def checked(self, serializer: type[SerializerT]) -> dict[str, Any]:
        """Return the body's fields; a wrong one is a 400 that names it."""
        read = serializer(data=self.request.data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def move_money(
        self, serializer: type[SerializerT], move: Callable[..., Transaction]
    ) -> Response:
        """Move money once for each ``Idempotency-Key``, and show the transaction.

        Args:
            serializer: reads the body; its fields are the arguments of ``move``.
            move: also takes ``idempotency_key`` and ``scope``.
        """
        key = idempotency.required_key(self.request)
        given = self.checked(serializer)
        try:
            row = move(**given, **key.arguments)
        except DineroError as error:
            self._mark_replay(error.transaction)
            raise
        self._mark_replay(row)
        shown = StaffTransactionSerializer if self.sees_all() else TransactionSerializer
        return Response(shown(row).data, status=status.HTTP_201_CREATED)

    def _mark_replay(self, row: Transaction | None) -> None:
        if row is not None and row.is_replay:
            self.headers[idempotency.REPLAYED] = "true"


class DestroyMixin:
    """``DELETE`` removes a row here and at the gateway."""

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete; 202 where it is deleted here and the gateway has not confirmed it yet."""
        row = cast("Any", self).get_object()
        try:
            row.delete()
        except (DineroError, ExceptionGroup) as failure:
            error = exception_handler.first_dinero_error(failure)
            if error is None or not exception_handler.may_still_happen(error) or _is_here(row):
                raise
            detail = _("It is deleted here; the gateway has not confirmed it yet.")
            body = {"code": error.code, "detail": detail}
            return Response(body, status=status.HTTP_202_ACCEPTED)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _is_here(row: Any) -> bool:
    return bool(type(row)._default_manager.filter(public_id=row.public_id).exists())
