"""What the app's lists have beside Django's: rows read ahead, sums, a file of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from django_dinero.admin.pagination import MoreThan
from django_dinero.models.totals import Total, totals, totals_of
from django_dinero.money import number_text

if TYPE_CHECKING:
    from django_dinero.admin.base import DineroAdmin


class DineroChangeList(ChangeList):
    """A list that reads what its columns need in a query for each level, whatever its length."""

    model_admin: DineroAdmin

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        """Return the rows that were asked for, with those that their columns show beside them.

        Raises:
            IncorrectLookupParameters: a filter has a character that PostgreSQL refuses to look for.
        """
        for name, values in request.GET.lists():
            # Django's form of the search box says what is wrong there.
            if name != SEARCH_VAR and any("\0" in value for value in (name, *values)):
                raise IncorrectLookupParameters
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return rows.prefetch_related(*self.model_admin.list_prefetch_related)

    def get_results(self, request: HttpRequest) -> None:
        """Read a page of the rows; not if their count says already that there are none."""
        super().get_results(request)
        if not self.result_count:
            self.result_list = self.queryset.none()

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column is sorted by; None where the list offers no such sort.

        Django asks no more than whether the column has an order; an address may name any.
        """
        if self.sortable_by is not None and field_name not in self.sortable_by:
            return None
        return super().get_ordering_field(field_name)

    @property
    def is_narrowed(self) -> bool:
        """Whether it shows less than all there is."""
        return bool(self.has_active_filters or self.query)

    @property
    def is_too_long(self) -> bool:
        """Whether it has more rows than are counted, and than are added up."""
        return isinstance(self.result_count, MoreThan)

    @property
    def export_url(self) -> str:
        """The address of all these rows as CSV."""
        address = self._address(f"{self.opts.app_label}_{self.opts.model_name}_export")
        return address + self.get_query_string()

    @property
    def overview_url(self) -> str:
        """The address of the site's overview of payments; empty where it has none."""
        return self._address("dinero_overview")

    def _address(self, name: str) -> str:
        try:
            return reverse(f"admin:{name}", current_app=self.model_admin.admin_site.name)
        except NoReverseMatch:
            return ""


class TransactionChangeList(DineroChangeList):
    """The list of transactions, with what its rows come to."""

    #: Whether its rows have sums.
    adds_up = True

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return what the rows are sorted by; of one amount by their time, as its index has them.

        Thousands may have the price of the one thing that a shop sells, and would be sorted anew.
        """
        found = list(super().get_ordering(request, queryset))
        if found and found[0] in ("price", "-price"):
            found.insert(1, found[0].replace("price", "created_at"))
        return found

    @cached_property
    def sums(self) -> list[dict[str, Any]]:
        """What the rows come to that were filtered or searched for; none of too many."""
        if not self.is_narrowed or self.is_too_long or not self.result_count:
            return []
        if not self.multi_page:
            return [_shown(each) for each in totals_of(self.result_list)]
        return [_shown(each) for each in totals(self.queryset.select_related(None))]


def _shown(total: Total) -> dict[str, Any]:
    """Return a sum as ``admin/dinero/sums.html`` shows it.

    Of rows that neither took nor gave anything, such as declined ones, their amounts add up to
    something else than money: it says so.
    """
    parts = [(_("taken"), total.charged)] if total.charged else []
    if total.refunded:
        parts.append((_("refunded"), total.refunded.copy_negate()))
        parts.append((_("net"), total.net))
    parts = parts or [(_("amounts"), total.amount)]
    return {
        "currency": total.currency,
        "live": total.live,
        "parts": [(label, number_text(amount)) for label, amount in parts],
    }
