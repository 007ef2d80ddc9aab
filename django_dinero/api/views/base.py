"""What all views share: JSON alone, one shape of errors, no transaction around a gateway's call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, ClassVar, cast

from django.db import connections, transaction
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from rest_framework import status
from rest_framework.exceptions import UnsupportedMediaType, ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from django_dinero import conf
from django_dinero.api import exception_handler, idempotency
from django_dinero.api.disclosure import DECLINES
from django_dinero.api.fields import StrictSerializer
from django_dinero.api.filters import AllowedFilters, Filter
from django_dinero.api.idempotency import IdempotencyKey
from django_dinero.api.linked import with_links
from django_dinero.api.negotiation import Negotiation
from django_dinero.api.pagination import NewestFirstPagination, refuse_parameters
from django_dinero.api.parsers import SecretsJSONParser, refuse_unmeasured, says_utf_8
from django_dinero.api.permissions import (
    IsAuthenticated,
    OwnedMixin,
    OwnerOrStaffPermission,
    StaffPermission,
    user_of,
)
from django_dinero.api.renderers import SilentBrowsableRenderer
from django_dinero.api.serializers import StaffTransactionSerializer, TransactionSerializer
from django_dinero.api.throttling import CardTestingThrottle
from django_dinero.cards import holds_card_number, wrap_secrets
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.models import CreditCard, Customer, Transaction
from django_dinero.redaction import Secret
from django_dinero.services.recovery import idempotency as repetitions

#: Raises :class:`InvalidInput` for arguments of a service that are wrong; calls no gateway.
Check = Callable[[dict[str, Any]], object]

#: Stand for fields that are wrong, so that nobody is told that they are missing.
FILLERS: Mapping[str, tuple[str, Any]] = {
    "price": ("price", "1"),
    "number": ("token", Secret("-")),
    "token": ("token", Secret("-")),
}


class DineroView(APIView):
    """JSON in and out, and one shape of errors.

    Authentication and throttling are the project's. The rest of its ``REST_FRAMEWORK`` is not
    asked: its parsers would hand out card numbers, its versions and permissions would close these
    routes or open them.
    """

    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated,)
    parser_classes = (SecretsJSONParser,)
    # JSON alone, unless the project wants pages: those of the framework show what was typed.
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = Negotiation
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
            UnsupportedMediaType: a body that is not JSON, or in another charset than UTF-8.
            LengthRequired: a body that would be overlooked.
        """
        refuse_unmeasured(request)
        body: Any = request.stream
        negotiator: Any = request.negotiator
        is_json = negotiator.select_parser(request, request.parsers) is not None
        if body is not None and not (is_json and says_utf_8(request)):
            found = UnsupportedMediaType(request.content_type or "")
            cure = _("Send application/json, in UTF-8.")
            raise UnsupportedMediaType("", f"{found.detail} {cure}")
        super().initial(request, *args, **kwargs)

    def get_renderers(self) -> list[BaseRenderer]:
        """Return that of JSON, and that of pages where the project has them."""
        found: list[BaseRenderer] = [JSONRenderer()]
        return [*found, SilentBrowsableRenderer()] if conf.api().browsable else found

    def get_exception_handler(self) -> Any:
        """Return the app's own handler: one shape of errors, whatever the project's settings."""
        return exception_handler.handle


class DineroViewSet(DineroView, OwnedMixin, GenericViewSet[Any]):
    """A viewset that moves money and pushes to gateways, outside of any transaction."""

    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated, OwnerOrStaffPermission)
    pagination_class = NewestFirstPagination
    # The project's own could search or sort by columns that are not shown.
    filter_backends = (AllowedFilters,)
    #: What the list may be narrowed by, by the name of the parameter.
    filters: ClassVar[Mapping[str, Filter]] = {}
    #: The actions that read an ``Idempotency-Key``.
    keyed_actions: ClassVar[frozenset[str]] = frozenset()
    #: The scope of the rate that an action has, of :mod:`django_dinero.throttle_rates`.
    rate_scopes: ClassVar[Mapping[str, str]] = {}
    #: By which column the list is in order.
    created_column: ClassVar[str] = "created_at"
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
    def rate_scope(self) -> str:
        """The scope of the action's own rate; empty without one."""
        return self.rate_scopes.get(self.action, "")

    @cached_property
    def own_object(self) -> str:
        """The id in the address, if what it names is the caller's own; else empty.

        What is counted for somebody else's card would keep that person from paying with it.
        """
        # Elsewhere a parameter of the project's prefix may have this name.
        named = self.kwargs.get(self.lookup_url_kwarg) if self.detail else None
        if not named:
            return ""
        own = self.get_queryset().filter(self.owned_by(self.request.user))
        return str(named) if own.filter(**{self.lookup_field: named}).exists() else ""

    @property
    def order_of_shopper(self) -> str | Secret:
        """The order that a shopper asks to pay; empty where there is none."""
        return ""

    @cached_property
    def is_repetition(self) -> bool:
        """Whether the request was answered before: it asks nothing new.

        Raises:
            OperationInProgress, OutcomeUnknown, NeedsAttention: it has no answer yet.
        """
        if self.action not in self.keyed_actions:
            return False  # a key that nobody reads must not open a door
        key = idempotency.optional_key(self.request)
        return key is not None and self.knows(key)

    def knows(self, key: IdempotencyKey) -> bool:
        """Say whether a request with this key has an answer.

        A lost attempt is looked up now: once it is proven not to have happened, the request is a
        new one, which is counted, and a shopper's at the price that the order has by then.

        Raises:
            OperationInProgress, OutcomeUnknown, NeedsAttention: it has no answer yet.
        """
        return repetitions.is_answered(key.value, key.scope)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As in the base class; what a list is asked is for its pages to refuse.

        Raises:
            ValidationError: a query parameter that would be ignored.
        """
        super().initial(request, *args, **kwargs)
        if self.action not in (None, "list"):
            refuse_parameters(request)

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the project's throttles, and the one against card testing."""
        self._card_testing = CardTestingThrottle()
        return [*super().get_throttles(), self._card_testing]

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an exception; a decline is counted, unless it was told before."""
        error = exception_handler.first_dinero_error(exc)
        if isinstance(error, DECLINES) and not isinstance(error, InvalidInput):
            self._card_testing.count_decline()
        if isinstance(exc, InvalidInput) and exc.over_http:
            exc = InvalidInput({**exc.errors, **exc.over_http})
        return super().handle_exception(exc)

    def checked(
        self, serializer: type[StrictSerializer], check: Check | None = None
    ) -> dict[str, Any]:
        """Return the body's fields; all wrong ones are named by one 400.

        Args:
            serializer: reads the body.
            check: what the service would refuse of the fields that are right. It is asked only
                where others are wrong, since the service is not called then.
        """
        read = serializer(data=self.request.data, context={"request": self.request})
        if read.is_valid():
            return dict(read.validated_data)
        errors = dict(read.errors)
        if check is not None:
            wrong = errors.keys() & read.fields.keys()
            errors = {**_further_errors(check, read.right, wrong), **errors}
        raise ValidationError(errors)

    def move_money(
        self,
        serializer: type[StrictSerializer],
        move: Callable[..., Transaction],
        *,
        check: Check | None = None,
        made: bool = True,
    ) -> Response:
        """Move money once for each ``Idempotency-Key``, and show the transaction.

        Args:
            serializer: reads the body; its fields are the arguments of ``move``.
            move: also takes ``idempotency_key``, ``scope`` and ``by``.
            check: as for :meth:`checked`.
            made: whether it makes a transaction, or changes the one that there is.
        """
        key = idempotency.required_key(self.request)
        given = self.checked(serializer, check)
        try:
            row = move(**given, **key.arguments, by=user_of(self.request))
        except DineroError as error:
            self._mark_replay(error.transaction)
            raise
        self._mark_replay(row)
        shown = StaffTransactionSerializer if self.sees_all() else TransactionSerializer
        code = status.HTTP_201_CREATED if made else status.HTTP_200_OK
        context = {"request": self.request}
        return Response(shown(with_links(row), context=context).data, status=code)

    def _mark_replay(self, row: Transaction | None) -> None:
        if row is not None and row.is_replay:
            self.headers[idempotency.REPLAYED] = "true"


def change(row: Customer | CreditCard, values: Mapping[str, Any]) -> None:
    """Set the fields of a row; nothing is saved."""
    for name, value in values.items():
        setattr(row, name, value)


def check_changes(row: Customer | CreditCard, values: Mapping[str, Any]) -> None:
    """Raise what saving a row with these values would say of them.

    Raises:
        InvalidInput: wrong fields, all named in ``errors``.
    """
    change(row, values)
    row.check_values()


def _further_errors(
    check: Check, right: Mapping[str, Any], wrong: Set[str]
) -> Mapping[str, list[str]]:
    """Return what the service would refuse of the fields that are right, by field."""
    given = dict(right)
    given.update(FILLERS[name] for name in FILLERS.keys() & wrong)
    wrap_secrets(given)
    try:
        check(given)
    except InvalidInput as error:
        return error.errors
    except DineroError:
        pass  # it would be the answer once the body is right
    return {}


class StaffViewSet(DineroViewSet):
    """Rows that belong to no user: for staff with the permission; 403 to everybody else."""

    permission_classes = (IsAuthenticated, StaffPermission)
    lookup_field = "pk"
    lookup_value_regex = "[1-9][0-9]{0,17}"

    def get_object(self) -> Any:
        """Return the row; no database is asked for a card number."""
        if holds_card_number("q", self.kwargs[self.lookup_url_kwarg]):
            raise Http404
        return super().get_object()


class DestroyMixin:
    """``DELETE`` removes a row here and at the gateway."""

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete; 202 where it is deleted here and the gateway has not confirmed it yet."""
        row = cast("Any", self).get_object()
        try:
            row.delete()
        except (DineroError, ExceptionGroup) as failure:
            error = exception_handler.unconfirmed_delete(failure, row)
            if error is None:
                raise
            detail = _("It is deleted here; the gateway has not confirmed it yet.")
            body = {"code": error.code, "detail": detail}
            return Response(body, status=status.HTTP_202_ACCEPTED)
        return Response(status=status.HTTP_204_NO_CONTENT)
