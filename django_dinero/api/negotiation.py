"""In which form an answer comes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer


class Negotiation(DefaultContentNegotiation):
    """REST framework's; a ``?format=`` that there is not is a wrong parameter like any other."""

    def filter_renderers(
        self,
        renderers: Iterable[BaseRenderer],
        format: Any,  # noqa: A002 - the framework's name
    ) -> Any:
        """Return the renderers of a format.

        Raises:
            ValidationError: there is none.
        """
        known = list(renderers)
        try:
            return super().filter_renderers(known, format)
        except Http404:
            text = _("Choose from: %(names)s.") % {"names": ", ".join(r.format for r in known)}
            raise ValidationError({self.settings.URL_FORMAT_OVERRIDE: [text]}) from None
