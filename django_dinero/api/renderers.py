"""Pages for browsers, which show nothing of what was sent."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer

from django_dinero.redaction import scrub

#: From here on an answer is an error.
ERRORS = 400


class SilentBrowsableRenderer(BrowsableAPIRenderer):
    """REST framework's pages, without forms of fields: these are filled with what was typed.

    What is left is a form for a body of JSON, which is always empty. Its script sends it as such.
    """

    def get_rendered_html_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        """Return whether there is a button for the method; a form of fields never."""
        if method not in ("DELETE", "OPTIONS"):
            return None
        return super().get_rendered_html_form(data, view, method, request)

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        """Return the form for JSON, empty; a browser does not keep what is typed into it."""
        form: Any = super().get_raw_data_form(data, view, method, request)
        if form:
            form.fields["_content"].initial = None
            form.fields["_content"].widget.attrs["autocomplete"] = "off"
        return form

    def get_breadcrumbs(self, request: Any) -> list[tuple[str, str]]:
        """Return the pages above; addresses without a slash lead to none."""
        found: list[tuple[str, str]] = super().get_breadcrumbs(request)
        return [(name, address) for name, address in found if address.endswith("/")]

    def get_context(
        self, data: Any, accepted_media_type: Any, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what the page shows; of the address of a refused request without its query."""
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        if renderer_context["response"].status_code >= ERRORS:
            shown = copy.copy(renderer_context["request"]._request)
            shown.META = {**shown.META, "QUERY_STRING": ""}
            context["request"] = shown
        return context

    def render(
        self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None
    ) -> str:
        """Return the page; a card number that got into it all the same is masked."""
        return scrub(str(super().render(data, accepted_media_type, renderer_context)))
