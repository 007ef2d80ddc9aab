"""``{% load dinero_wallet %}``: the parts of a shopper's pages."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from django_dinero.logs import get_logger
from django_dinero.models import Transaction
from django_dinero.wallet import receipts
from django_dinero.wallet.addresses import REMOVE, this_page
from django_dinero.wallet.amounts import amount_text, shown_amount
from django_dinero.wallet.forms import TokenForm
from django_dinero.wallet.views import Payable
from django_dinero.wallet.wallet import Wallet

logger = get_logger(__name__)
register = template.Library()

#: The gateways of whose closed form this process has told the log: each page view would repeat it.
_told: set[str] = set()


@register.simple_tag
def dinero_amount(amount: Decimal | int | str, currency: str) -> SafeString:
    """Return an amount with its currency, in the reader's way to write numbers."""
    return format_html('<span class="dinero-amount">{}</span>', amount_text(amount, currency))


@register.inclusion_tag("dinero/wallet/scripts.html")
def dinero_scripts(wallet: Wallet | None = None) -> Mapping[str, Any]:
    """Load our script; with a wallet its gateway's too, for a page with a card's form.

    It belongs in the page's head.
    """
    return {"script": wallet.gateway.browser_script() if wallet is not None else None}


@register.inclusion_tag("dinero/wallet/card_form.html", takes_context=True)
def dinero_card_form(context: Context, wallet: Wallet, form: TokenForm) -> Mapping[str, Any]:
    """Show the form of a new card. The fields of the card have no names: they are never posted.

    Without the gateway's public keys there is a text in its place, and an error in the log. With
    keys and no script of the gateway's, the page may load one of the project's own.
    """
    keys = wallet.gateway.browser_keys()
    problem = wallet.gateway.browser_problem()
    if problem or not keys:
        _tell_once(wallet.gateway.name, problem or "the gateway has no keys for browsers")
    return {
        "csrf_token": context.get("csrf_token"),
        "form": form,
        "keys": keys,
        "script": wallet.gateway.browser_script(),
        "problem": context.get("problem"),
    }


def _tell_once(name: str, problem: str) -> None:
    if name in _told:
        return
    _told.add(name)
    logger.error(
        "%s: a shopper's page can take no card: %s", name, problem, extra={"dinero_gateway": name}
    )


@register.inclusion_tag("dinero/wallet/cards.html", takes_context=True)
def dinero_cards(context: Context, wallet: Wallet) -> Mapping[str, Any]:
    """Show the saved cards, each with a link that asks whether to remove it.

    The question is the same page with ``?remove=``; it stands in the place of the cards.
    """
    request: HttpRequest | None = getattr(context, "request", None)
    asked = request.GET.get(REMOVE) if request is not None else None
    return {
        "csrf_token": context.get("csrf_token"),
        "cards": wallet.cards,
        "preselected": next(iter(wallet.cards), None),
        "page": this_page(request) if request is not None else "?",
        "removal": this_page(request, remove="") if request is not None else "?remove=",
        "removing": next((each for each in wallet.cards if str(each.public_id) == asked), None),
    }


@register.inclusion_tag("dinero/wallet/card_choice.html")
def dinero_card_choice(wallet: Wallet) -> Mapping[str, Any]:
    """Show the saved cards to choose one of; put it into a form of your own."""
    return {"cards": wallet.cards}


@register.inclusion_tag("dinero/wallet/pay_form.html")
def dinero_pay_form(wallet: Wallet, order: Payable, attempt: int) -> Mapping[str, Any]:
    """Show the form that pays an order: the saved cards, and the button.

    Hidden in it are the attempt's number and the amount that it is shown with.
    """
    currency = order.currency or wallet.gateway.currency
    return {
        "wallet": wallet,
        "attempt": attempt,
        "amount": amount_text(order.price, currency),
        "shown_amount": shown_amount(order.price, currency),
    }


@register.inclusion_tag("dinero/wallet/receipt.html")
def dinero_receipt(transaction: Transaction) -> Mapping[str, Any]:
    """Show what was paid, when, and with which card."""
    return {"transaction": transaction, "reference": receipts.reference_of(transaction)}
