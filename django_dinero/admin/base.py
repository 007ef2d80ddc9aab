"""What the app's model admins share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminToField
from django.contrib.admin.options import IS_POPUP_VAR, IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import JSONField, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.admin.display import mode_badge
from django_dinero.admin.export import Column, columns_of, csv_response
from django_dinero.admin.lists import DineroChangeList
from django_dinero.admin.pagination import BoundedPaginator
from django_dinero.admin.views.safety import page, sees
from django_dinero.cards import LONGEST_TEXT, holds_card_number
from django_dinero.logs import get_logger
from django_dinero.redaction import mask_card_numbers

if TYPE_CHECKING:
    from django_dinero.admin.views.base import GatewayPage
    from django_dinero.admin.views.bulk import BulkPage

    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

logger = get_logger("django_dinero.admin")

#: Under which name a row's page keeps what its list was narrowed by.
LIST_FILTERS = "_changelist_filters"


class DineroAdmin(_ModelAdmin):
    """An admin with the app's stylesheet and a search box that takes no card numbers."""

    #: The pages that ask the gateway of a row for something: the last part of the address, and the
    #: dotted path of the page. They bring forms and services along, which nothing needs before the
    #: admin has addresses; Django imports this class when it starts.
    gateway_pages: ClassVar[Mapping[str, str]] = {}
    #: The pages without a row, which the list leads to: likewise.
    list_pages: ClassVar[Mapping[str, str]] = {}
    #: The pages that do something to many rows, which are chosen in the list: likewise.
    bulk_pages: ClassVar[Mapping[str, str]] = {}
    paginator = BoundedPaginator
    # By what is also searched for: of a day of last year, a database would look for the newest keys
    # among all that are newer.
    ordering: ClassVar[tuple[str, ...]] = ("-created_at", "-id")
    # A second count, of the whole table, for a number that nobody needs; and one for each choice of
    # each filter.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    #: What the list's columns show of other rows: read by one query for each.
    list_prefetch_related: ClassVar[tuple[str, ...]] = ()

    #: Columns and fields with the e-mail address of a customer or an owner, for who may see
    #: customers.
    customer_fields: ClassVar[tuple[str, ...]] = ()

    class Media:
        css = {"all": ["dinero/admin/dinero.css", "dinero/admin/lists.css"]}

    def gateway_page(self, name: str) -> GatewayPage:
        """Return one of the pages in :attr:`gateway_pages`."""
        made: GatewayPage = import_string(self.gateway_pages[name])(self)
        return made

    def list_page(self, name: str) -> GatewayPage:
        """Return one of the pages in :attr:`list_pages`."""
        made: GatewayPage = import_string(self.list_pages[name])(self)
        return made

    def bulk_page(self, name: str) -> BulkPage:
        """Return one of the pages in :attr:`bulk_pages`."""
        made: BulkPage = import_string(self.bulk_pages[name])(self, name)
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
        pages += [
            path(
                f"{name}/",
                page(self.admin_site, self.list_page(name)),
                name=f"{prefix}_{name.replace('-', '_')}",
            )
            for name in self.list_pages
        ]
        pages += [
            path(
                f"bulk/{name}/",
                page(self.admin_site, self.bulk_page(name)),
                name=f"{prefix}_bulk_{name.replace('-', '_')}",
            )
            for name in self.bulk_pages
        ]
        export = path(
            "export/", self.admin_site.admin_view(self.export_view), name=f"{prefix}_export"
        )
        found = [*pages, export, *super().get_urls()]
        for pattern in found:
            pattern.callback = self.without_numbers(pattern.callback)
        return found

    def without_numbers(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view that is not asked where a card number stands in the address.

        It leads to the list: pages show what they were asked for again, in fields and in links.
        """

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            named = holds_card_number(SEARCH_VAR, str(kwargs.get("pk", "")))
            if not named and not _asks_for_card_number(request.GET):
                return view(request, *args, **kwargs)
            text = _("Search by the last four digits; a whole card number does not belong here.")
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(self._list_address())

        return guarded

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[DineroChangeList]:
        """Return the class of the list."""
        return DineroChangeList

    def hidden_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the columns and fields that tell of rows which this user may not see."""
        return () if sees(request, "customer") else self.customer_fields

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """As Django's, which lets through whatever begins with a column of the model.

        What stands in a column of JSON is not all shown to everybody, and could be read letter by
        letter, as by ``intent__email__startswith``.
        """
        if self._is_json(lookup) and lookup not in self._filter_names(request):
            return False
        return super().lookup_allowed(lookup, value, request)

    def _is_json(self, lookup: str) -> bool:
        try:
            field = self.opts.get_field(lookup.partition(LOOKUP_SEP)[0])
        except FieldDoesNotExist:
            return False
        return isinstance(field, JSONField)

    def _filter_names(self, request: HttpRequest) -> set[str]:
        """Return the parameters of filters with rules of their own, which reach no column."""
        filters = (each for each in self.get_list_filter(request) if isinstance(each, type))
        return {str(getattr(each, "parameter_name", "")) for each in filters}

    def get_list_display(self, request: HttpRequest) -> Any:
        """Return the columns; the gateway's id in place of a customer who may not be seen."""
        hidden = self.hidden_fields(request)
        columns = super().get_list_display(request)
        return [*dict.fromkeys("customer_id" if each in hidden else each for each in columns)]

    def export_columns(self, request: HttpRequest) -> Mapping[str, Column]:
        """Return the columns of the list's CSV file, by their headings; none for no file."""
        columns = columns_of(self.model)
        if sees(request, "customer"):
            return columns
        return {name: column for name, column in columns.items() if name != "email"}

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Say whether this user may take the list's rows along in a file: who may see them may."""
        return self.has_view_or_change_permission(request)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Send all rows of the list, as it was filtered and searched, as CSV."""
        request.current_app = self.admin_site.name
        columns = self.export_columns(request)
        if not columns or not self.has_export_permission(request):
            raise PermissionDenied
        try:
            changes = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self._list_address())
        name = str(self.opts.model_name)
        logger.info("User %s takes the list of %s along.", request.user.pk, name)
        return csv_response(name, columns, changes.get_queryset(request))

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> dict[str, Any]:
        """Return the list's actions, with those that lead to a page for many rows.

        Args:
            request: of whoever may do them.
            action_location: what Django asks from 6.1 on: it has actions on a row's page, too.
                None for the list.
        """
        located: dict[str, Any] = (
            {} if action_location is None else {"action_location": action_location}
        )
        actions: dict[str, Any] = {**super().get_actions(request, **located)}
        if IS_POPUP_VAR in request.GET or self.actions is None:
            return actions
        if action_location is not None and action_location.name != "CHANGE_LIST":
            return actions
        for name in self.bulk_pages:
            found = self.bulk_page(name)
            if found.offered(request):
                actions[f"dinero_{name}"] = (_lead_to(found), f"dinero_{name}", found.action)
        return actions

    def has_verb_permission(self, request: HttpRequest, permission: str, obj: Any) -> bool:
        """Say whether this user may do to a row what its permission is for.

        The permission counts if the user has it for all rows or for this one: Django's own backend
        knows the former alone, and answers False when it is asked about a row. Whoever may see
        rows here must also be allowed to see this one; a permission on its own needs no other.

        Args:
            permission: with the app's label, such as ``"dinero.charge_creditcard"``.
            obj: the row; None for a page without one, and for any row of the list.
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
        # Of the lists beside a field: the search box has Django's own check, and ours of addresses.
        if "\0" in text or holds_card_number(SEARCH_VAR, text):
            return queryset.none(), False
        return queryset.filter(self.search_condition(text)), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Show the list, with a link to the file of it for who may have that."""
        request.current_app = self.admin_site.name
        may_export = bool(self.export_columns(request)) and self.has_export_permission(request)
        return super().changelist_view(request, {"may_export": may_export, **(extra_context or {})})

    def _list_address(self) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return reverse(name, current_app=self.admin_site.name)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any | None:
        """Return a row; none for a card number in its address, which no database is asked for."""
        if holds_card_number("q", object_id):
            return None
        return super().get_object(request, object_id, from_field)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        """As Django's, whose refusal quotes the name of the field for the log.

        Raises:
            DisallowedModelAdminToField: it is a card number.
        """
        if holds_card_number(SEARCH_VAR, to_field):
            raise DisallowedModelAdminToField("A card number cannot be referenced.")
        return super().to_field_allowed(request, to_field)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponseBase:
        # Django's message quotes the address.
        parent: Any = super()
        found: HttpResponseBase = parent._get_obj_does_not_exist_redirect(
            request, opts, mask_card_numbers(object_id)
        )
        return found

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


def _asks_for_card_number(asked: QueryDict) -> bool:
    """Say whether a card number was typed into the search box or a filter, or into the address."""
    typed = ((name, values) for name, values in asked.lists() if name != LIST_FILTERS)
    kept = (QueryDict(text).lists() for text in asked.getlist(LIST_FILTERS))
    return any(
        _holds_number(name, value)
        for name, values in chain(typed, *kept)
        for value in ("", *values)
    )


def _holds_number(name: str, value: str) -> bool:
    if name == SEARCH_VAR:
        return holds_card_number(name, value)
    # A filter may list many keys, and is not refused for its length.
    texts = (name, value[:LONGEST_TEXT])
    return any(holds_card_number(name.partition("__")[0], text) for text in texts)


def _lead_to(bulk: BulkPage) -> Callable[..., HttpResponseBase]:
    def action(_admin: object, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponseBase:
        return bulk.chosen(request, rows)

    return action


class ReadOnlyAdmin(DineroAdmin):
    """Rows that only the services write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
