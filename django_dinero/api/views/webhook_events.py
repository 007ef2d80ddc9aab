"""Webhook events: ``/webhook-events/``, what the gateways have told. For staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from django_dinero.api import filters
from django_dinero.api.filters import Filter
from django_dinero.api.serializers import NothingSerializer, WebhookEventSerializer
from django_dinero.api.views.base import StaffViewSet
from django_dinero.models import WebhookEvent
from django_dinero.models.webhook_event import EventState


class WebhookEventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, StaffViewSet):
    serializer_class = WebhookEventSerializer
    action_permissions: ClassVar[dict[str, str]] = {
        "list": "dinero.view_webhookevent",
        "retrieve": "dinero.view_webhookevent",
        "replay": "dinero.replay_webhookevent",
    }
    created_column = "received_at"
    filters: ClassVar[Mapping[str, Filter]] = {
        **filters.OF_AN_ACCOUNT,
        "state": Filter("state__in", filters.OneOrMoreOf(EventState.values)),
        "event_type": Filter("event_type", filters.text),
        "object_id": Filter("object_id", filters.text),
    }

    def get_queryset(self) -> QuerySet[WebhookEvent]:
        """Return the events without their bodies, which can be long and are shown nowhere here."""
        return self.rows_of(WebhookEvent).defer("body").order_by("-id")

    @action(detail=True, methods=["post"])
    def replay(self, request: Request, **kwargs: object) -> Response:
        """Apply it again; its state and error say whether that worked."""
        event: WebhookEvent = self.get_object()
        self.checked(NothingSerializer)
        return Response(WebhookEventSerializer(event.replay()).data)
