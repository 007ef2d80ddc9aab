"""Differences: ``/differences/``, where our books and a gateway's disagree. For staff."""

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
from django_dinero.api.serializers import DifferenceSerializer, ExplanationSerializer
from django_dinero.api.views.base import StaffViewSet
from django_dinero.models import Difference
from django_dinero.models.difference import DifferenceKind, DifferenceState


class DifferenceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, StaffViewSet):
    serializer_class = DifferenceSerializer
    action_permissions: ClassVar[dict[str, str]] = {
        "list": "dinero.view_difference",
        "retrieve": "dinero.view_difference",
        "close": "dinero.close_difference",
    }
    created_column = "first_seen_at"
    filters: ClassVar[Mapping[str, Filter]] = {
        **filters.OF_AN_ACCOUNT,
        "state": Filter("state__in", filters.OneOrMoreOf(DifferenceState.values)),
        "kind": Filter("kind__in", filters.OneOrMoreOf(DifferenceKind.values)),
        "transaction_id": Filter("transaction_id", filters.text),
    }

    def get_queryset(self) -> QuerySet[Difference]:
        return self.rows_of(Difference).order_by("-id")

    @action(detail=True, methods=["post"])
    def close(self, request: Request, **kwargs: object) -> Response:
        """Close it with an explanation; no books are changed."""
        row: Difference = self.get_object()
        given = self.checked(ExplanationSerializer)
        row.close(note=given.get("note", ""), by=request.user.get_username())
        return Response(DifferenceSerializer(row).data)
