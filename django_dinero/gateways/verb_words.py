"""What the verbs of a gateway are called by people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

WORDS: Mapping[str, Any] = {
    "create_customer": _("store a customer"),
    "retrieve_customer": _("retrieve a customer"),
    "update_customer": _("change a customer"),
    "delete_customer": _("delete a customer"),
    "add_card": _("store a card"),
    "update_card": _("change a card"),
    "delete_card": _("delete a card"),
    "validate_card": _("ask the issuer about a card"),
    "charge": _("charge a card"),
    "capture": _("capture an authorization"),
    "void": _("void a payment"),
    "refund": _("refund a payment"),
    "decide_review": _("approve or decline a held payment"),
    "retrieve_transaction": _("retrieve a transaction"),
    "find_operation": _("look an operation up"),
    "iter_customers": _("list its customers"),
    "iter_transactions": _("list its transactions"),
    "check_credentials": _("check its credentials"),
    "parse_webhook": _("read a webhook"),
    "list_webhooks": _("list its webhook endpoints"),
    "register_webhook": _("register a webhook endpoint"),
    "remove_webhook": _("remove a webhook endpoint"),
}


def words_of(verb: str) -> str:
    """Return what a verb is called; one that has no words by its name."""
    return str(WORDS.get(verb, verb))
