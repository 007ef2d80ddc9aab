"""What all lists of the app have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.translation import gettext as _

from django_dinero.cards import looks_like_card_number

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class DineroAdmin(_ModelAdmin):
    """An admin with the app's stylesheet and a search box that takes no card numbers."""

    class Media:
        css = {"all": ["dinero/admin/dinero.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list; a card number in the search box is not searched and not shown again."""
        if looks_like_card_number(request.GET.get("q", "")):
            text = _("Search by the last four digits; a whole card number does not belong here.")
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(request.path)
        return super().changelist_view(request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show a row; its links lead to pages of this site, which Django says too late for them."""
        request.current_app = self.admin_site.name
        return super().changeform_view(request, object_id, form_url, extra_context)


class ReadOnlyAdmin(DineroAdmin):
    """Rows that only the services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False
