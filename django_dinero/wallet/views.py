"""Views for a shop's own pages, outside any transaction. No card number reaches them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.datastructures import MultiValueDict
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.generic import TemplateView, View

from django_dinero import identifiers, throttle_rates
from django_dinero.api.exception_handler import first_dinero_error, unconfirmed_delete
from django_dinero.api.token_charges import ip_of
from django_dinero.exceptions import DineroError, IdempotencyKeyReused, InvalidInput
from django_dinero.forms.fields import add_errors, refuse_misplaced
from django_dinero.forms.posted import Posted, outside_transactions, take_secrets
from django_dinero.models import CreditCard
from django_dinero.user_messages import CARDHOLDER
from django_dinero.wallet import csp
from django_dinero.wallet.addresses import this_page
from django_dinero.wallet.amounts import amount_text, shown_amount
from django_dinero.wallet.card_testing import CardTesting, may_look_up
from django_dinero.wallet.forms import PayForm, RemoveForm, TokenForm
from django_dinero.wallet.payment import Payment
from django_dinero.wallet.stored_forms import has_stored, note_stored
from django_dinero.wallet.wallet import Wallet

#: Told whose page is older than an attempt that has ended.
OLD_ATTEMPT = gettext_lazy(
    "An earlier attempt to pay this order was declined or given back. Nothing was charged now: pay "
    "once more."
)


@dataclass(frozen=True, slots=True)
class Payable:
    """What is to be paid.

    Args:
        reference: what the order is known by, unique in the shop.
        price: in major units.
        currency: the gateway's own if not given.
        description: for the shopper's statement.
    """

    reference: str
    price: Decimal
    currency: str | None = None
    description: str = ""


@method_decorator((sensitive_post_parameters(), never_cache), name="dispatch")
class WalletMixin(LoginRequiredMixin, View):
    """For a view of a signed-in shopper: ``self.wallet``, and what was posted in ``self.posted``.

    It runs outside any transaction (``ATOMIC_REQUESTS``), no cache keeps its page, no frame shows
    it, and its content security policy lets no script in but this site's and the gateway's. A card
    number that is posted all the same is refused, and not shown again.
    """

    #: A name in ``DINERO["GATEWAYS"]``; ``"default"`` if not given.
    gateway_name: str | None = None
    #: Whether the page has the form of a card, and so the gateway's script.
    takes_cards = True
    posted: Posted

    @classmethod
    def as_view(cls: Any, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view, exempt from ``ATOMIC_REQUESTS``."""
        return outside_transactions(super().as_view(**initkwargs))

    @cached_property
    def wallet(self) -> Wallet:
        """The wallet of whoever is signed in."""
        assert self.request.user.is_authenticated  # noqa: S101 - dispatch() saw to it
        return Wallet(self.request.user, self.gateway_name)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Take the secrets out of the request, and refuse a card number."""
        self.posted = take_secrets(request)
        response: HttpResponseBase
        # Who is not signed in is led to do so; what was posted goes no further.
        if self._holds_number() and request.user.is_authenticated:
            response = self.refuse_number()
        else:
            response = super().dispatch(request, *args, **kwargs)
        if request.user.is_authenticated:
            csp.protect(response, self.wallet.gateway if self.takes_cards else None)
        return response

    def _holds_number(self) -> bool:
        data = self.posted.data
        return bool(self.posted.misplaced or data.get("number") or data.get("cvv"))

    def refuse_number(self) -> HttpResponseBase:
        """Answer a request with a card number in it, with a way back that sends it no more."""
        context = {"problem": self.number_problem()}
        template = "dinero/wallet/number_refused.html"
        return render(self.request, template, context, status=HTTPStatus.BAD_REQUEST)

    def number_problem(self) -> SafeString:
        """Return what a shopper reads, with a link: a reload would send the number again."""
        text = _("A card number was sent to this server. It was not kept.")
        link = this_page(self.request), _("Open the page anew.")
        return format_html('{} <a href="{}">{}</a>', text, *link)


class WalletPage(WalletMixin, TemplateView):
    """A page with a wallet in its context."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add ``wallet``, and ``problem``: a text for the shopper, None where there is none."""
        return super().get_context_data(**{"wallet": self.wallet, "problem": None, **kwargs})

    def again(self, status: HTTPStatus, **context: Any) -> HttpResponse:
        """Show the page once more, with what went wrong."""
        return self.render_to_response(self.get_context_data(**context), status=status)

    def refuse_number(self) -> HttpResponseBase:
        """Show the page once more."""
        return self.again(HTTPStatus.BAD_REQUEST, problem=self.number_problem())

    def slow_down(self, seconds: float, **context: Any) -> HttpResponse:
        """Show the page once more: there were too many attempts."""
        problem = _("There were too many attempts. Try again later.")
        response = self.again(HTTPStatus.TOO_MANY_REQUESTS, problem=problem, **context)
        response["Retry-After"] = str(math.ceil(seconds))
        return response


class CardsView(WalletPage):
    """Saved cards, the form of a new one (``token``), and removing one (``remove``).

    ``GET ?remove=`` asks first; what was saved or removed is one of Django's messages.
    Context: ``wallet``, ``form``, ``problem``.
    """

    form_class: type[TokenForm] = TokenForm
    success_url: str = ""

    def get_success_url(self) -> str:
        """Return where a card that was stored leads: to ``?next=`` on this site, if it is given;
        else to ``success_url``, or to this page.
        """
        asked = self.request.GET.get("next", "")
        hosts, secure = {self.request.get_host()}, self.request.is_secure()
        if url_has_allowed_host_and_scheme(asked, hosts, require_https=secure):
            return asked
        return self.success_url or this_page(self.request, without="next")

    def get_initial(self) -> dict[str, Any]:
        """Return what the form is filled with: the user's name."""
        names = ("first_name", "last_name")
        return {name: getattr(self.wallet.user, name, "") for name in names}

    def get_form(self, *args: Any, **kwargs: Any) -> TokenForm:
        """Return the form; it asks for an e-mail address where the shopper has none yet."""
        return self.form_class(*args, asks_email=self.wallet.needs_email, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the form."""
        if "form" not in kwargs:
            kwargs["form"] = self.get_form(initial=self.get_initial())
        return super().get_context_data(**kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Store or remove a card."""
        if "remove" in self.posted.data:
            return self.remove(RemoveForm(self.posted.data))
        form = self.get_form(self.posted.data)
        if not form.is_valid():
            return self.again(HTTPStatus.UNPROCESSABLE_ENTITY, form=form)
        return self.add(form)

    @sensitive_variables("form", "sent")
    def add(self, form: TokenForm) -> HttpResponseBase:
        """Store the card of a form, and lead on; also one that was sent, and stored it, before."""
        sent = form.cleaned_data["key"], form.cleaned_data["token"]
        if has_stored(self.request, *sent):
            return HttpResponseRedirect(self.get_success_url())
        problem, testing = "", CardTesting(self.request, throttle_rates.STORE)
        if (seconds := testing.wait()) is not None:
            return self.slow_down(seconds, form=form)
        try:
            card = self.wallet.add_card(**form.card_arguments())
            note_stored(self.request, *sent)
            self.tell(_("%(card)s was saved.") % {"card": capfirst(str(card))})
            return HttpResponseRedirect(self.get_success_url())
        except InvalidInput as error:
            add_errors(form, error)
        except DineroError as error:
            testing.note(error)
            problem = str(error.user_message)
        # The token is spent, and this key has its answer: another attempt needs new ones.
        form.data = self._with_new_key()
        status = HTTPStatus.PAYMENT_REQUIRED if problem else HTTPStatus.UNPROCESSABLE_ENTITY
        return self.again(status, form=form, problem=problem)

    def _with_new_key(self) -> MultiValueDict[str, Any]:
        data = self.posted.data.copy()
        data["key"] = identifiers.new_key()
        return data

    def refuse_number(self) -> HttpResponseBase:
        """Show the form once more: without the number, and with all else that was typed."""
        form = self.get_form(self._with_new_key())
        for name in self.posted.misplaced:
            form.errors.pop(name, None)  # that it is empty now
        refuse_misplaced(form, self.posted.misplaced)
        return self.again(HTTPStatus.BAD_REQUEST, form=form, problem=self.number_problem())

    def remove(self, form: Form) -> HttpResponseBase:
        """Remove a card, and lead back here. One that has gone is as good as removed."""
        asked = form.cleaned_data["remove"] if form.is_valid() else None
        card = next((card for card in self.wallet.cards if card.public_id == asked), None)
        problem = self._problem_of_removal(card) if card is not None else ""
        if problem:
            return self.again(HTTPStatus.BAD_GATEWAY, problem=problem)
        return HttpResponseRedirect(this_page(self.request))

    def _problem_of_removal(self, card: CreditCard) -> str:
        """Remove a card and tell so; return what the shopper reads where that failed.

        One that is gone here is removed, also before the gateway has confirmed it: the delete is
        sent again by itself.
        """
        try:
            self.wallet.remove_card(card.public_id)
        except (DineroError, ExceptionGroup) as failure:
            error = first_dinero_error(failure)
            if error is None:
                raise
            if unconfirmed_delete(failure, card) is None:
                return str(error.user_message)
        self.tell(_("%(card)s was removed.") % {"card": capfirst(str(card))})
        return ""

    def tell(self, text: str) -> None:
        """Leave the shopper a message for the next page, where the project has Django's."""
        messages.success(self.request, text, fail_silently=True)


class PayView(WalletPage):
    """Pays one order with a saved card, and shows how its payment stands.

    Context: ``wallet``, ``order``, ``payment`` (None before it), ``action_url`` (where the card's
    holder confirms it), ``attempt``, ``shown_amount``, ``problem``. Offer no payment while there is
    a ``payment``, except for another card where it ``is_replaceable``.
    """

    takes_cards = False

    def get_order(self) -> Payable:
        """Return what is to be paid, of the signed-in user alone.

        Raises:
            Http404: there is no such order of his.
        """
        raise NotImplementedError

    @cached_property
    def order(self) -> Payable:
        """The order."""
        return self.get_order()

    @property
    def currency(self) -> str:
        """The order's currency."""
        return self.order.currency or self.wallet.gateway.currency

    @property
    def shown_amount(self) -> str:
        """What the order costs now, as a form of this page sends it back."""
        return shown_amount(self.order.price, self.currency)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the order and how its payment stands."""
        order = self.order
        if "payment" not in kwargs:
            kwargs["payment"] = self.get_payment()
        payment = kwargs["payment"]
        if payment is not None and payment.is_unknown:
            kwargs.setdefault("problem", CARDHOLDER["outcome_unknown"])
        elif payment is not None and payment.has_other_amount:
            kwargs.setdefault("problem", CARDHOLDER["idempotency_key_reused"])
        return super().get_context_data(
            order=order,
            action_url=self.get_action_url(payment) if payment is not None else "",
            attempt=self.wallet.attempt(order.reference),
            shown_amount=self.shown_amount,
            **kwargs,
        )

    def get_payment(self) -> Payment | None:
        """Return how the payment of the order stands.

        The gateway is asked at the rate ``throttle_rates.OPERATION``; over it, what is known here
        is the answer.
        """
        order = self.order
        asked = (order.reference, order.price, order.currency)
        known = self.wallet.payment(*asked, look_up=False)
        if known is None or not known.is_open or not may_look_up(self.request):
            return known
        return self.wallet.payment(*asked)

    def get_action_url(self, payment: Payment) -> str:
        """Return the page of the bank; it leads back here."""
        back = self.request.build_absolute_uri(this_page(self.request))
        return self.wallet.action_address(payment, back)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Pay, and show this page: a reload of it pays nothing."""
        form = PayForm(self.posted.data)
        if not form.is_valid():
            return self.again(HTTPStatus.UNPROCESSABLE_ENTITY, problem=form.problem())
        card, attempt = form.cleaned_data["card"], form.cleaned_data["attempt"]
        payment, reference = self.get_payment(), self.order.reference
        if payment is not None and not self.wallet.replaces(payment, reference, attempt):
            return self.answer(payment)
        if form.cleaned_data["shown_amount"] != self.shown_amount:
            return self.ask_again(payment)
        # A card that is somebody else's is not counted: he could be kept from paying with it.
        is_own = any(each.public_id == card for each in self.wallet.cards)
        testing = CardTesting(request, throttle_rates.CHARGE, str(card) if is_own else "")
        is_new = not self.wallet.is_repetition(reference, attempt)
        if is_new and (seconds := testing.wait()) is not None:
            return self.slow_down(seconds)
        try:
            if self.pay(card, attempt).is_undone:
                return self.again(HTTPStatus.PAYMENT_REQUIRED, problem=str(OLD_ATTEMPT))
        except DineroError as error:
            if is_new:
                testing.note(error)
            payment = self.get_payment()
            if payment is None or payment.is_unknown:
                return self.again(
                    HTTPStatus.PAYMENT_REQUIRED, problem=_told(error), payment=payment
                )
        return HttpResponseRedirect(this_page(request))

    def answer(self, payment: Payment) -> HttpResponseBase:
        """Answer who pays once more: nothing is sent while something stands, or may stand."""
        if payment.is_unknown:
            return self.again(HTTPStatus.PAYMENT_REQUIRED, payment=payment)
        return HttpResponseRedirect(this_page(self.request))

    def ask_again(self, payment: Payment | None) -> HttpResponseBase:
        """Show what the order costs now: the shopper saw another amount, and nothing is charged."""
        problem = _("This order costs %(amount)s now. Nothing was charged: pay once more.") % {
            "amount": amount_text(self.order.price, self.currency)
        }
        return self.again(HTTPStatus.CONFLICT, problem=problem, payment=payment)

    def pay(self, card: Any, attempt: int) -> Payment:
        """Pay the order with a card.

        Raises:
            DineroError: it was declined, or nobody knows yet.
        """
        asked: Any = self.request
        return self.wallet.pay(
            self.order.price,
            order_reference=self.order.reference,
            card=card,
            attempt=attempt,
            currency=self.order.currency,
            description=self.order.description,
            customer_ip=ip_of(asked),
        )


def _told(error: DineroError) -> str:
    """Return what a shopper reads: of another tab with another card, say, what to do now."""
    old = isinstance(error, IdempotencyKeyReused)
    return str(OLD_ATTEMPT if old else error.user_message)
