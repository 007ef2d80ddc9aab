"""Pages of the lists."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from django_dinero.api.fields import nameable

#: The parameter that says in which order rows come.
ORDERING = "ordering"


def refuse_parameters(request: Request, accepted: Sequence[str] = ()) -> None:
    """Refuse query parameters that would be ignored.

    Raises:
        ValidationError: it names them, and the accepted ones.
    """
    unknown = set(request.query_params) - {*accepted, api_settings.URL_FORMAT_OVERRIDE}
    if unknown:
        text = _("Unknown query parameter. This takes none.")
        if accepted:
            text = _("Unknown query parameter. Accepted: %(names)s.")
            text %= {"names": ", ".join(accepted)}
        raise ValidationError({nameable(name): [text] for name in sorted(unknown)})


class NewestFirstPagination(CursorPagination):
    """Newest first or ``?ordering=created_at``; 50 at a time or ``?page_size=`` up to 200.

    Any page costs the same.
    """

    #: Not the primary key: the cursor stands in a URL, and would tell how many rows there are.
    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(
        self,
        queryset: QuerySet[Any] | Sequence[Any],
        request: Request,
        view: APIView | None = None,
    ) -> list[Any] | None:
        """Return a page; a query parameter that would be ignored is refused.

        Raises:
            ValidationError: an unknown parameter: a filter that does nothing shows everything.
        """
        filters = list(getattr(view, "filters", {}))
        refuse_parameters(request, [self.cursor_query_param, "page_size", ORDERING, *filters])
        return super().paginate_queryset(queryset, request, view)

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        """Return the order that was asked for: by the time of creation, one way or the other.

        Raises:
            ValidationError: by anything else.
        """
        column = getattr(view, "created_column", "created_at")
        orders = {"-created_at": (f"-{column}", "-id"), "created_at": (column, "id")}
        asked = request.query_params.get(ORDERING, "-created_at")
        if asked not in orders:
            text = _("Choose from: %(names)s.") % {"names": ", ".join(orders)}
            raise ValidationError({ORDERING: [text]})
        return orders[asked]

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return where the page starts.

        Raises:
            NotFound: no cursor that a page of this list had; the database would stumble over it.
        """
        cursor: Cursor | None = super().decode_cursor(request)
        if cursor is not None and cursor.position and not _is_time(str(cursor.position)):
            raise NotFound
        return cursor

    def get_page_size(self, request: Request) -> int:
        """Return how many rows were asked for.

        Raises:
            ValidationError: no number from 1 to 200.
        """
        asked = request.query_params.get("page_size", str(self.page_size))
        if not (asked.isascii() and asked.isdecimal() and len(asked) < 4):
            asked = "0"
        if not 1 <= int(asked) <= self.max_page_size:
            text = _("Ask for 1 to %(limit)d.") % {"limit": self.max_page_size}
            raise ValidationError({"page_size": [text]})
        return int(asked)


def _is_time(text: str) -> bool:
    try:
        found = parse_datetime(text)
        if found is not None and timezone.is_aware(found):
            found.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return False
    return found is not None and timezone.is_aware(found)
