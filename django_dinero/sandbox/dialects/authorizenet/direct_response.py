"""The comma-separated answer to the check of a card, as ``validationDirectResponse`` holds it.

Neither quoted nor escaped, as the real one: a comma in an address moves all that follows.
"""

from __future__ import annotations

from collections.abc import Mapping

from django_dinero.sandbox.bank.records import Verdict
from django_dinero.sandbox.dialects.authorizenet import codes
from django_dinero.sandbox.dialects.authorizenet.wire import account_type, masked

_FIELDS = 68
_TEST_TEXT = f"(TESTMODE) {codes.APPROVAL.text}"
_DESCRIPTION = "Test transaction for ValidateCustomerPaymentProfile."
_BILLING_AT = 13
_BILLING = (
    *("first_name", "last_name", "company", "address", "city", "state", "zip", "country"),
    *("phone", "fax"),
)


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
    fields = [""] * _FIELDS
    fields[:4] = [reason.response, "1", reason.code, reason.text]
    fields[7:13] = ["none", _DESCRIPTION, "1.00", "CC", "auth_only", customer_key or "none"]
    if verdict.row is not None:
        fields[4:7] = [verdict.row.auth_code, verdict.avs.value, verdict.row.id]
        fields[9] = str(verdict.row.amount)
        fields[38] = verdict.cvv.value
    elif verdict.approved:
        fields[3:7] = [_TEST_TEXT, "000000", "P", "0"]
    else:
        fields[4:7] = ["", "P", "0"]
    end = _BILLING_AT + len(_BILLING)
    fields[_BILLING_AT:end] = [billing.get(name, "") for name in _BILLING]
    fields[end] = email
    fields[32:37] = ["0.00", "0.00", "0.00", "FALSE", "none"]
    fields[50:52] = [masked(last_4), account_type(brand)]
    return ",".join(fields)[:2048]
