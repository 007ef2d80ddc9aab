"""A page that does one thing to many rows that were chosen in a list, and tells it of each row."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_dinero import identifiers
from django_dinero.admin import messages as admin_messages
from django_dinero.admin.display import mode_badge, money, test_badge
from django_dinero.admin.views.base import SEND_ONCE
from django_dinero.admin.views.money import one_of
from django_dinero.admin.views.safety import link, log_misconfigured
from django_dinero.exceptions import DineroError, InvalidInput
from django_dinero.forms.charges import ConfirmForm
from django_dinero.forms.posted import Posted
from django_dinero.gateways.registry import GatewayMisconfigured
from django_dinero.models import Operation
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.money import EXACT
from django_dinero.services import modes
from django_dinero.user_messages import NOT_SET_UP

if TYPE_CHECKING:
    from django_dinero.admin.base import DineroAdmin

#: The name of the parameter and of the hidden fields that hold the rows' primary keys.
ROW = "row"


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to a row: the text that is shown, and whether it had been done before."""

    text: str
    before: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen to a row.

    Attributes:
        row: the row.
        refusal: why nothing will; None otherwise.
        amount: how much money is moved, in ``currency``; None where none is.
        text: what will happen, where it is not the same for each row.
    """

    row: Any
    refusal: DineroError | None = None
    amount: Decimal | None = None
    currency: str = ""
    text: str = ""


@dataclass(slots=True)
class Line:
    """A row as the page shows it.

    Attributes:
        row: the row; the template shows what :meth:`BulkPage.describe` says of it.
        text: what will happen to it, or why nothing will; afterwards what has happened.
        state: ``"planned"``, ``"skipped"``, ``"done"``, ``"before"``, ``"refused"``, ``"open"``
            (nobody knows how it ended, or somebody has to look) or ``"waiting"`` (not begun).
        operation: what the text speaks of, if there is one.
    """

    row: Any
    text: str
    state: str
    amount: Decimal | None = None
    currency: str = ""
    operation: Operation | None = None
    shown: dict[str, Any] = field(default_factory=dict)


class BulkPage:
    """What such pages share; :func:`.safety.page` makes a view of an instance.

    The list's action leads to ``bulk/<name>/?row=1&row=2``. GET says what will happen to each row.
    POST does it, one row after another, and tells how each ended. Every row has an idempotency key
    of its own, made of the form's one-time key: a reload or a double click does nothing twice, and
    the same form goes on where it had to stop.

    Args:
        model_admin: the admin of the rows, as the project has registered it.
    """

    #: Needed for all rows, or for each row that it is done to.
    permission: ClassVar[str]
    title: ClassVar[Any]
    button: ClassVar[Any]
    #: How the list's menu calls it.
    action: ClassVar[Any]
    #: What happens to each row.
    explanation: ClassVar[Any]
    #: How many rows at once: each is a call to a gateway, and whoever sits here waits for all.
    limit: ClassVar[int] = 50
    #: After how many seconds no further row is begun: a web server may end a request after 30.
    seconds: ClassVar[float] = 20

    def __init__(self, model_admin: DineroAdmin, name: str) -> None:
        self.model_admin = model_admin
        #: The last part of the address.
        self.name = name

    # -- What a subclass says --------------------------------------------------------------------

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that exist for this user: those that the project's admin shows."""
        return self.model_admin.get_queryset(request)

    def plans(self, rows: Sequence[Any]) -> Iterable[Plan]:
        """Return what will happen to each row. Override it to read for all of them at once."""
        return (Plan(row, self.refusal(row)) for row in rows)

    def refusal(self, row: Any) -> DineroError | None:
        """Return why it cannot be done to a row now, None if it can."""
        return modes.foreign_error(row) or self.why_not(row)

    def why_not(self, row: Any) -> DineroError | None:
        """As :meth:`refusal`, for what the rows of one model have of their own."""
        return None

    def describe(self, row: Any) -> str:
        """Return the text that leads to a row's page."""
        return str(row)

    def form(self, posted: Posted | None) -> ConfirmForm:
        """Return the form: bound to ``posted``, or new where that is None."""
        return ConfirmForm() if posted is None else ConfirmForm(posted.data)

    def perform_with(self, form: Any, request: HttpRequest, row: Any, key: FollowUpOptions) -> Done:
        """As :meth:`perform`, for a page whose form asks for more than a confirmation."""
        return self.perform(request, row, key)

    def perform(self, request: HttpRequest, row: Any, key: FollowUpOptions) -> Done:
        """Do it to one row, log it, and return what was done.

        Args:
            request: whose user does it.
            row: one of those that were chosen.
            key: the arguments of money verbs that make the operation the only one of this form and
                row, made by this user.

        Raises:
            DineroError: it was not done, or nobody knows.
        """
        raise NotImplementedError

    def explain(self, error: DineroError) -> admin_messages.Notice:
        """Return the notice about an error of :meth:`perform`."""
        return admin_messages.of_follow_up(error)

    # -- The list's action -----------------------------------------------------------------------

    def offered(self, request: HttpRequest) -> bool:
        """Say whether the list's menu has it for this user."""
        return self.model_admin.has_verb_permission(request, self.permission, None)

    def chosen(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponseBase:
        """Lead from the list to the page; tell if too many rows were chosen."""
        pks = list(rows.values_list("pk", flat=True)[: self.limit + 1])
        if len(pks) > self.limit:
            self.tell(request, self.too_many(), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        query = QueryDict(mutable=True)
        query.setlist(ROW, [str(pk) for pk in pks])
        return HttpResponseRedirect(f"{self.address}?{query.urlencode()}")

    def too_many(self) -> str:
        """Return what is said to who has chosen more rows than :attr:`limit`."""
        return ngettext(
            "At most %(limit)d row can be chosen at once. Nothing was done.",
            "At most %(limit)d rows can be chosen at once. Nothing was done.",
            self.limit,
        ) % {"limit": self.limit}

    @property
    def address(self) -> str:
        """The address of this page."""
        opts, site = self.model_admin.opts, self.model_admin.admin_site
        name = f"{opts.app_label}_{opts.model_name}_bulk_{self.name.replace('-', '_')}"
        return reverse(f"admin:{name}", current_app=site.name)

    # -- The view --------------------------------------------------------------------------------

    def __call__(self, request: HttpRequest, *, posted: Posted) -> HttpResponseBase:
        """Say what will happen (GET), or do it and say what has happened (POST)."""
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        is_new = request.method != "POST"
        asked = request.GET.getlist(ROW) if is_new else posted.data.getlist(ROW)
        rows = self._rows(request, asked)
        if not rows:
            self.tell(request, _("Choose rows in the list first."), messages.WARNING)
            return HttpResponseRedirect(self._list())
        if len(rows) > self.limit:
            self.tell(request, self.too_many(), messages.ERROR)
            return HttpResponseRedirect(self._list())
        form = self.form(None if is_new else posted)
        if form.is_bound and form.is_valid():
            lines = self._carry_out(request, rows, form)
            return self._show(request, lines, form, is_done=True)
        return self._show(request, self._planned(request, rows), form, is_done=False)

    def _rows(self, request: HttpRequest, asked: Iterable[str]) -> list[Any]:
        """Return the rows that were chosen, in the order of their keys."""
        pks = {pk for pk in asked if pk.isascii() and pk.isdecimal() and len(pk) < 19}
        rows = self.rows(request).filter(pk__in=pks).order_by("pk")
        found = list(rows[: self.limit + 1])
        if not self.offered(request) and not any(self._may(request, row) for row in found):
            raise PermissionDenied
        return found

    def _may(self, request: HttpRequest, row: Any) -> bool:
        return self.model_admin.has_verb_permission(request, self.permission, row)

    def _planned(self, request: HttpRequest, rows: Sequence[Any]) -> list[Line]:
        mine = [row for row in rows if self._may(request, row)]
        lines = [self._forbidden(row) for row in rows if row not in mine]
        for plan in self.plans(mine):
            if plan.refusal is not None:
                text = admin_messages.error_text(plan.refusal)
                lines.append(Line(plan.row, text, "skipped"))
            else:
                text = plan.text or str(self.button)
                lines.append(Line(plan.row, text, "planned", plan.amount, plan.currency))
        return sorted(lines, key=lambda line: line.row.pk)

    def _carry_out(self, request: HttpRequest, rows: list[Any], form: ConfirmForm) -> list[Line]:
        until = time.monotonic() + self.seconds
        lines = []
        for row in rows:
            if not self._may(request, row):
                lines.append(self._forbidden(row))
            elif time.monotonic() > until:
                lines.append(Line(row, _("Not begun yet."), "waiting"))
            else:
                lines.append(self._do(request, row, form))
        return lines

    def _do(self, request: HttpRequest, row: Any, form: ConfirmForm) -> Line:
        key = self._key(request, row, form.cleaned_data["key"])
        try:
            done = self.perform_with(form, request, row, key)
        except InvalidInput as error:
            return Line(row, admin_messages.error_text(error), "refused")
        except DineroError as error:
            notice = self.explain(error)
            state = "refused" if notice.again else "open"
            text = " ".join(filter(None, (notice.title, notice.text, notice.detail)))
            return Line(row, text, state, operation=notice.operation)
        except GatewayMisconfigured as error:
            log_misconfigured(request, error)
            return Line(row, str(NOT_SET_UP), "refused")
        return Line(row, done.text, "before" if done.before else "done")

    def _key(self, request: HttpRequest, row: Any, key: str) -> FollowUpOptions:
        """Return what makes a row's operation one: the same again for the same form."""
        named = row._meta.label, str(row.pk)
        return one_of(request, identifiers.key_after("bulk", self.name, key, *named))

    @staticmethod
    def _forbidden(row: Any) -> Line:
        return Line(row, _("You may not do this to it."), "skipped")

    def tell(self, request: HttpRequest, text: str, level: int) -> None:
        """Leave a message for the next page."""
        self.model_admin.message_user(request, text, level)

    def _list(self) -> str:
        opts, site = self.model_admin.opts, self.model_admin.admin_site
        name = f"admin:{opts.app_label}_{opts.model_name}_changelist"
        return reverse(name, current_app=site.name)

    def _show(
        self, request: HttpRequest, lines: list[Line], form: ConfirmForm, *, is_done: bool
    ) -> TemplateResponse:
        for line in lines:
            line.shown = {
                "name": self.describe(line.row),
                "url": link(request, self.model_admin.opts.model_name or "", line.row),
                "mode": mode_badge(line.row),
                "amount": money(line.amount, line.currency),
                "operation_url": link(request, "operation", line.operation),
            }
        open_lines = [line for line in lines if line.state in ("planned", "waiting")]
        context = {
            **self.model_admin.admin_site.each_context(request),
            "opts": self.model_admin.opts,
            "title": self.title,
            "explanation": self.explanation,
            "lines": lines,
            "has_amounts": any(line.amount is not None for line in lines),
            "is_done": is_done,
            "counts": _counts(lines),
            "sums": _sums(lines),
            "form": form if open_lines else None,
            "errors": form.errors.get("key", []),
            "button": self._button(len(open_lines), is_done=is_done),
            "back_url": self._list(),
            "media": self.model_admin.media + SEND_ONCE,
        }
        return TemplateResponse(request, "admin/dinero/bulk.html", context)

    def _button(self, count: int, *, is_done: bool) -> str:
        text = _("Go on: %(button)s (%(count)d)") if is_done else _("%(button)s (%(count)d)")
        return text % {"button": self.button, "count": count}


def _counts(lines: Iterable[Line]) -> list[tuple[str, str]]:
    """Return how many rows ended how: the state, and a text with the number."""
    found = Counter(line.state for line in lines)
    texts = {
        "planned": ngettext("%(n)d row", "%(n)d rows", found["planned"]),
        "done": ngettext("%(n)d done", "%(n)d done", found["done"]),
        "before": ngettext("%(n)d done before", "%(n)d done before", found["before"]),
        "refused": ngettext("%(n)d refused", "%(n)d refused", found["refused"]),
        "open": ngettext("%(n)d not finished", "%(n)d not finished", found["open"]),
        "waiting": ngettext("%(n)d not begun", "%(n)d not begun", found["waiting"]),
        "skipped": ngettext("%(n)d left out", "%(n)d left out", found["skipped"]),
    }
    return [(state, text % {"n": found[state]}) for state, text in texts.items() if found[state]]


def _sums(lines: Iterable[Line]) -> list[str]:
    """Return how much money moves, by currency; of test accounts apart, since it is none."""
    sums: dict[tuple[bool, str], Decimal] = {}
    for line in lines:
        if line.amount is not None:
            name = (bool(line.row.live), line.currency)
            sums[name] = EXACT.add(sums.get(name, Decimal(0)), line.amount)
    return [
        money(total, currency)
        if live
        else format_html("{} {}", money(total, currency), test_badge())
        for (live, currency), total in sorted(sums.items(), reverse=True)
    ]
