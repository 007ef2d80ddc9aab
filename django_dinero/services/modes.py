"""Live and test accounts: what is stored at one means nothing to the other.

A gateway's name stands for one account. Where its configuration is changed from a test account to
the live one, rows of both bear the same name, and the ids of the former name nothing there, or
somebody else's card.
"""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.utils.translation import gettext as _

from django_dinero import conf
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.gateways.registry import built, gateways, get_gateway
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.mode import Account
from django_dinero.models.operation import Operation
from django_dinero.models.transaction import Transaction

Row = Customer | CreditCard | Transaction | Operation
#: What an error about a row is called.
_FIELDS: tuple[tuple[type[Model], str], ...] = (
    (CreditCard, "card"),
    (Customer, "customer"),
    (Transaction, "transaction"),
    (Operation, "operation"),
)


def account_of(gateway: Gateway) -> Account:
    """Return the account that a gateway stands for now: what it is asked about is of that."""
    return Account(gateway.name, gateway.live)


def is_live(gateway_name: str) -> bool:
    """Return whether real money moves at a gateway; False where none has this name."""
    try:
        return _present(gateway_name).live
    except (InvalidInput, ImproperlyConfigured):
        return False


def _present(gateway_name: str) -> Gateway:
    """Return a gateway as it is configured now.

    A resolver is asked: another process may have changed what it reads. The settings hold still, so
    that what was built of them is looked for no further.

    Raises:
        InvalidInput, ImproperlyConfigured: as for :class:`Gateways`.
    """
    return gateways[gateway_name] if conf.gateway_resolver() else built(gateway_name)


def any_live() -> bool:
    """Return whether real money moves at one of the gateways in the settings."""
    return any(is_live(name) for name in gateways)


def no_real_money() -> bool:
    """Return whether none can be chosen at which real money moves; a resolver knows any name."""
    return not conf.gateway_resolver() and not any_live()


def foreign_error(row: Row) -> InvalidInput | None:
    """Return the error about a row that is of another account than its gateway is now.

    None also where there is no such gateway, or none that can be used: nothing is known then.
    """
    try:
        errors = other_mode(_present(row.gateway_name), row)
    except (InvalidInput, ImproperlyConfigured):
        return None
    return InvalidInput(errors, gateway_name=row.gateway_name) if errors else None


def gateway_of(row: Row) -> Gateway:
    """Return the gateway that has a row.

    Raises:
        InvalidInput: the row is of another account than its gateway is now.
    """
    gateway = get_gateway(row.gateway_name)
    refuse_foreign(gateway, row)
    return gateway


def refuse_foreign(gateway: Gateway, row: Row) -> None:
    """Raise :class:`InvalidInput` if a row is of another account than its gateway is now."""
    errors = other_mode(gateway, row)
    if errors:
        raise InvalidInput(errors, gateway_name=gateway.name)


def other_mode(gateway: Gateway, row: Row) -> dict[str, str]:
    """Return the error, by the name of the row's model; empty if row and gateway are of one mode.

    A customer that no gateway has yet is of none.
    """
    if row.live == gateway.live or (isinstance(row, Customer) and row.customer_id is None):
        return {}
    text = _(
        "This is of a test account, and the gateway %(gateway)r is a live one now. Give the live "
        "account a gateway name of its own, and leave this name to the test account."
    )
    if row.live:
        text = _(
            "This is of a live account, and the gateway %(gateway)r is for tests now. Give the "
            "test account a gateway name of its own, and leave this name to the live account."
        )
    field = next(name for model, name in _FIELDS if isinstance(row, model))
    return {field: text % {"gateway": gateway.name}}
