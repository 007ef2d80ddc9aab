"""What the app's model admins share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin.display import mode_badge
from django_dinero.admin.pagination import BoundedPaginator
from django_dinero.admin.views.safety import page
from django_dinero.cards import holds_card_number

if TYPE_CHECKING:
    from django_dinero.admin.views.base import GatewayPage

    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class DineroAdmin(_ModelAdmin):
    """An admin with the app's stylesheet and a search box that takes no card numbers."""

    #: The pages that ask the gateway of a row for something: the last part of the address, and the
    #: dotted path of the page. They bring forms and services along, which nothing needs before the
    #: admin has addresses; Django imports this class when it starts.
    gateway_pages: ClassVar[Mapping[str, str]] = {}
    paginator = BoundedPaginator
    # By what is also searched for: of a day of last year, a database would look for the newest keys
    # among all that are newer.
    ordering = ("-created_at", "-id")
    # A second count, of the whole table, for a number that nobody needs.
    show_full_result_count = False

    class Media:
        css = {"all": ["dinero/admin/dinero.css"]}

    def gateway_page(self, name: str) -> GatewayPage:
        """Return one of the pages in :attr:`gateway_pages`."""
        made: GatewayPage = import_string(self.gateway_pages[name])(self)
        return made

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's addresses with those of the pages."""
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        pages = [
            path(
                f"<int:pk>/{name}/",
                page(self.admin_site, self.gateway_page(name)),
                name=f"{prefix}_{name.replace('-', '_')}",
            )
            for name in self.gateway_pages
        ]
        return pages + super().get_urls()

    def has_verb_permission(self, request: HttpRequest, permission: str, obj: Any) -> bool:
        """Say whether this user may do to a row what its permission is for.

        The permission counts if the user has it for all rows or for this one: Django's own backend
        knows the former alone, and answers False when it is asked about a row. Whoever may see
        rows here must also be allowed to see this one; a permission on its own needs no other.

        Args:
            permission: with the app's label, such as ``"dinero.charge_creditcard"``.
            obj: the row.
        """
        user = request.user
        if not (user.has_perm(permission) or user.has_perm(permission, obj)):
            return False
        return not self.hides(request, obj)

    def hides(self, request: HttpRequest, obj: Any) -> bool:
        """Say whether a user who may see rows here may not see this one."""
        may_see = self.has_view_or_change_permission
        return may_see(request) and not may_see(request, obj)

    @admin.display(description=gettext_lazy("mode"))
    def mode(self, row: Any) -> str:
        """Return whether a row is of a live account or, as a badge, of a test account."""
        return mode_badge(row) or _("live")

    @staticmethod
    def search_condition(text: str) -> Q:
        """Return the look-up that a text in the search box becomes: a function of :mod:`.search`.

        A project's own ``search_fields`` stand before it.
        """
        raise NotImplementedError

    def get_search_fields(self, request: HttpRequest) -> list[str] | tuple[str, ...]:
        """Return something where nothing is set: without it Django draws no search box."""
        return super().get_search_fields(request) or ("pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that a text names exactly, and that none comes twice."""
        text = search_term.strip()
        if self.search_fields or not text:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(self.search_condition(text)), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list; a card number in the search box is not searched and not shown again."""
        if holds_card_number("q", request.GET.get("q", "")):
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
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
