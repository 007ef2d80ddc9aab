"""The comma-separated answers: to the check of a card, and to the older way of charging one.

Neither quoted nor escaped, as the real ones: a comma in an address moves all that follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django_dinero.sandbox.bank.records import Verdict
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.results import Result
from django_dinero.sandbox.dialects.authorizenet.wire import account_type, masked

_FIELDS = 68
_LONGEST = 2048
_TEST_TEXT = f"(TESTMODE) {codes.APPROVAL.text}"
_DESCRIPTION = "Test transaction for ValidateCustomerPaymentProfile."
#: Where some fields stand.
INVOICE, DESCRIPTION, AMOUNT, TYPE, CUSTOMER = 7, 8, 9, 11, 12
EMAIL, TAX, DUTY, SHIPPING, TAX_EXEMPT, PURCHASE_ORDER = 23, 32, 33, 34, 35, 36
_METHOD, _CVV, _CAVV, _ACCOUNT = 10, 38, 39, 50
_BILLING_AT, _SHIPPING_AT = 13, 24
_SHIPPING = ("first_name", "last_name", "company", "address", "city", "state", "zip", "country")
_BILLING = (*_SHIPPING, "phone", "fax")


@dataclass(frozen=True, slots=True)
class Style:
    """What stands between the fields, and around each."""

    delimiter: str = ","
    quote: str = ""


PLAIN = Style()


def direct_response(
    verdict: Verdict,
    *,
    last_4: str,
    brand: str,
    billing: Mapping[str, str],
    email: str = "",
    customer_key: str = "",
) -> str:
    """Return the line for a check; one that left no row behind was in test mode.

    Args:
        verdict: what the check said.
        last_4, brand, billing: of the card.
        email, customer_key: of its customer.
    """
    reason = codes.REASONS[verdict.reason] if verdict.reason else codes.APPROVAL
    fields = {
        **dict(enumerate((reason.response, "1", reason.code, reason.text, "", "P", "0", "none"))),
        **{DESCRIPTION: _DESCRIPTION, AMOUNT: "1.00", _METHOD: "CC", TYPE: "auth_only"},
        **{CUSTOMER: customer_key or "none", EMAIL: email},
        **{TAX: "0.00", DUTY: "0.00", SHIPPING: "0.00", TAX_EXEMPT: "FALSE"},
        **{PURCHASE_ORDER: "none", _ACCOUNT: masked(last_4), _ACCOUNT + 1: account_type(brand)},
        **_billing(billing),
    }
    if verdict.row is not None:
        fields |= {4: verdict.row.auth_code, 5: verdict.avs.value, 6: verdict.row.id}
        fields |= {AMOUNT: str(verdict.row.amount), _CVV: verdict.cvv.value}
    elif verdict.approved:
        fields |= {3: _TEST_TEXT, 4: "000000"}
    return _joined(fields, PLAIN)


def transaction_line(
    result: Result, told: Mapping[int, str], billing: Mapping[str, str], style: Style = PLAIN
) -> str:
    """Return the line for a payment, or for what follows one.

    Args:
        result: how it ended.
        told: further fields by their place; what the request said.
        billing: the address of the card, empty where the line does not repeat it.
        style: how the fields are parted.
    """
    reason, card = result.reason, result.card
    head = (reason.response, "1", reason.code, reason.text, result.auth_code, result.avs)
    fields = {
        **dict(enumerate((*head, result.trans_id))),
        **{_METHOD: "CC", _CVV: result.cvv, _CAVV: result.cavv},
        **{_ACCOUNT: masked(card.last_4) if card.last_4 else ""},
        **{_ACCOUNT + 1: account_type(card.brand)},
        **_billing(billing),
        **told,
    }
    return _joined(fields, style)


def shipping_fields(address: Mapping[str, str]) -> dict[int, str]:
    """Return the fields of a shipping address by their places."""
    return {_SHIPPING_AT + i: address.get(name, "") for i, name in enumerate(_SHIPPING)}


def _billing(billing: Mapping[str, str]) -> dict[int, str]:
    return {_BILLING_AT + i: billing.get(name, "") for i, name in enumerate(_BILLING)}


def _joined(fields: Mapping[int, str], style: Style) -> str:
    texts = (f"{style.quote}{fields.get(i, '')}{style.quote}" for i in range(_FIELDS))
    return style.delimiter.join(texts)[:_LONGEST]
