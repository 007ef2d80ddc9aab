"""The page that charges a stored card: one charge, however often the form is sent."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from django_dinero.admin import messages as admin_messages
from django_dinero.admin.display import expiry, written
from django_dinero.admin.views import asking
from django_dinero.admin.views.base import Fact, GatewayPage
from django_dinero.admin.views.safety import CHARGE, link
from django_dinero.exceptions import (
    ActionRequired,
    CardNotFoundError,
    DineroError,
    DuplicateTransactionError,
    HeldForReview,
    NeedsAttention,
    OperationInProgress,
    OutcomeUnknown,
)
from django_dinero.forms.charges import ChargeForm
from django_dinero.forms.posted import Posted
from django_dinero.gateways.registry import get_gateway
from django_dinero.identifiers import user_scope
from django_dinero.models import CreditCard, Transaction
from django_dinero.models.arguments import FollowUpOptions
from django_dinero.models.sync_state import SyncState

#: Ends that leave something to find out: they stand in the history too.
OPEN_ENDS = (OutcomeUnknown, HeldForReview, ActionRequired, NeedsAttention)


class MoneyPage(GatewayPage):
    """A page that moves money: its key is the idempotency key of the operation."""

    def key(self, request: HttpRequest, form: BaseForm) -> FollowUpOptions:
        """Return the arguments that make the operation one, and this user's."""
        return one_of(request, form.cleaned_data["key"])

    def done(self, request: HttpRequest, text: str, key: str | None, *rows: Model) -> None:
        """Report and log what was done, or say that it had been done before.

        Args:
            request: whose user did it.
            text: what was done.
            key: of the operation that did it.
            *rows: into whose histories it is written.
        """
        new = [log_once(self.model_admin, request, row, text, f"[{key}]") for row in rows]
        if any(new):
            self.tell(request, text, messages.SUCCESS)
        else:
            text = _("This was done before, and not once more. %(text)s") % {"text": text}
            self.tell(request, text, messages.WARNING)

    def explain(self, request: HttpRequest, row: Any, error: DineroError) -> admin_messages.Notice:
        """Return the notice, and log what is still open: with its own row where it has one."""
        notice = self.notice_for(error)
        rows = {row, error.transaction or (error.operation if row is None else row)}
        for each in rows - {None}:
            note_open_end(self.model_admin, request, each, error, notice.title)
        return notice

    def notice_for(self, error: DineroError) -> admin_messages.Notice:
        """Return the notice about an error."""
        return admin_messages.of_charge(error)

    def take(self, request: HttpRequest, form: BaseForm, source: asking.Source) -> Transaction:
        """Charge as the form says, once all that is to be asked was answered.

        An order that nothing has paid yet is paid whole: somebody else who pays it at this moment
        is seen, and asked about too.

        Raises:
            Unconfirmed: it was not answered yet.
        """
        pays_order = self.ask(request, form, source)
        values: dict[str, Any] = {**self.key(request, form), **form.arguments()}  # type: ignore[attr-defined]
        if isinstance(source, CreditCard):
            values["card"] = source
        try:
            # Whoever sits here acts for the merchant, the customer on the telephone included.
            return Transaction.create(initiator="merchant", pays_order=pays_order, **values)
        except (OperationInProgress, DuplicateTransactionError) as error:
            if not pays_order or error.operation is not None:
                raise
            problem = error
        self.ask(request, form, source)
        raise problem

    def ask(self, request: HttpRequest, form: BaseForm, source: asking.Source) -> bool:
        """Ask once more before a large amount is taken, or one that may have been taken already.

        Returns:
            Whether an order is named that nothing has paid or is paying.

        Raises:
            Unconfirmed: it was not answered yet.
        """
        given, one = form.cleaned_data, self.key(request, form)
        money, order = asking.Money(given["price"], given["currency"]), given["order_reference"]
        questions = [*asking.of_amount(money), *asking.of_open(money, source, one)]
        known = {question.about for question in questions}
        of_order = list(asking.of_order(order, source, one))
        questions += [each for each in of_order if each.about not in known]
        asking.require_answer(questions, money, given["key"], given["sure"])
        return bool(order) and not of_order


class ChargePage(MoneyPage):
    """``creditcard/<pk>/charge/``."""

    permission = CHARGE
    title = gettext_lazy("Charge a card")
    button = gettext_lazy("Charge")
    sure = gettext_lazy("Yes, charge")
    fieldsets = [
        (
            None,
            {"fields": ["price", "currency", "settle", "order_reference", "description", "cvv"]},
        ),
    ]

    def rows(self, request: HttpRequest) -> QuerySet[CreditCard]:
        return super().rows(request).select_related("customer")

    def form(self, row: CreditCard, posted: Posted | None) -> ChargeForm:
        """Return the form, for the gateway that has the card."""
        gateway = get_gateway(row.gateway_name)
        if posted is None:
            return ChargeForm(gateway=gateway)
        return ChargeForm(posted.data, gateway=gateway, misplaced=posted.misplaced)

    def why_not(self, row: CreditCard) -> DineroError | None:
        """Refuse a card that has gone."""
        if row.sync_state == SyncState.MISSING:
            return CardNotFoundError(_("The gateway no longer has this card."))
        return None

    def watched(self, row: CreditCard) -> Any:
        """An open charge of another card is as good a reason not to charge this one."""
        return row.customer

    def near(self, row: CreditCard) -> tuple[Any, ...]:
        """Who may not see cards came from the customer."""
        return (row, row.customer)

    def facts(self, request: HttpRequest, row: CreditCard) -> list[Fact]:
        expires = expiry(row)
        shown = f"{row}, {expires}" if expires else str(row)
        return [
            (_("Card"), shown, link(request, "creditcard", row)),
            (_("Customer"), str(row.customer), link(request, "customer", row.customer)),
            (_("Stored at"), row.gateway_name, ""),
        ]

    @sensitive_variables("form")
    def perform(self, request: HttpRequest, row: CreditCard, form: BaseForm) -> HttpResponseBase:
        """Charge the card, or authorize the amount."""
        assert isinstance(form, ChargeForm)  # noqa: S101 - tells the type checker
        made = self.take(request, form, row)
        values = {
            "amount": amount_of(made),
            "card": row,
            "id": made.transaction_id,
        }
        if made.kind == "charge":
            text = _("Charged: %(amount)s, %(card)s (transaction %(id)s).") % values
        else:
            text = _("Authorized: %(amount)s, %(card)s (transaction %(id)s).") % values
        self.done(request, text, made.operation_key, row, made)
        return HttpResponseRedirect(self.home(request, made, *self.near(row)))


def one_of(request: HttpRequest, key: str) -> FollowUpOptions:
    """Return the arguments that make an operation the only one of a key, made by this user."""
    scope = user_scope("admin", request.user.pk)
    return {"idempotency_key": key, "scope": scope, "by": request.user}


def amount_of(row: Transaction) -> str:
    return written(row.price, row.currency)


def note_open_end(
    model_admin: ModelAdmin[Any], request: HttpRequest, row: Model, error: DineroError, title: str
) -> None:
    """Write into a row's history what somebody will have to find out, once.

    In our words: a gateway thanks for the order that it has just put on hold.
    """
    operation = error.operation
    if operation is None or not isinstance(error, OPEN_ENDS):
        return
    what = operation.get_kind_display()
    if operation.amount is not None:
        what += f" {written(operation.amount, operation.currency)}"
    log_once(model_admin, request, row, f"{what}: {title}", f"[{operation.key}, {_('open')}]")


def log_once(
    model_admin: ModelAdmin[Any], request: HttpRequest, row: Model, text: str, mark: str
) -> bool:
    """Write a text and its mark into a row's history; say False if the mark stands there."""
    if is_logged(row, mark):
        return False
    model_admin.log_change(request, row, f"{text} {mark}")
    return True


def is_logged(row: Model, mark: str) -> bool:
    """Say whether a mark stands in a row's history."""
    noted = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        change_message__contains=mark,
    )
    return noted.exists()
