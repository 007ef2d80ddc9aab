"""What an account may do: some calls have to be enabled in the merchant's own pages."""

from __future__ import annotations

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind
from django_dinero.gateways.authorizenet.patience import PatientClient

#: No customer has this id; whether the call itself is allowed shows all the same.
NOBODY = "1"


def lacks(client: PatientClient) -> tuple[str, ...]:
    """Return what the account may not do, and what does not work therefore, a sentence each.

    Raises:
        NotSent, OutcomeUnknown: the gateway did not answer.
    """
    found = []
    listed = client.read("getUnsettledTransactionList", {"paging": {"limit": "1", "offset": "1"}})
    if listed.reason().kind is ReasonKind.NOT_PERMITTED:
        found.append(
            _(
                "The Transaction Details API is not enabled: payments whose answer was lost are "
                "not found, and Transaction.retrieve() does not work."
            )
        )
    profile = client.read("getCustomerProfile", {"customerProfileId": NOBODY})
    if profile.reason().kind is ReasonKind.NOT_PERMITTED:
        found.append(
            _("Customer Information Manager is not enabled: no customer and no card is stored.")
        )
    return tuple(found)
