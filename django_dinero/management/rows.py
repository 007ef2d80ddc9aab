"""Find the row that an argument names: by what people read in the admin or at the gateway."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from django.core.management.base import CommandError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.cards import unsendable
from django_dinero.db.queries import primary
from django_dinero.enums import TransactionKind
from django_dinero.logs import escape
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.services.payments.rules import TAKEN_ALREADY

RowT = TypeVar("RowT", bound=Model)
#: How many rows an error lists that a name fits.
LISTED = 5
#: What is said of a blank name, by the argument.
BLANK: Mapping[str, Any] = {
    "transaction": gettext_lazy("Name a payment. Nothing was done."),
    "customer": gettext_lazy("Name a customer. Nothing was done."),
    "card": gettext_lazy("Name a card. Nothing was done."),
    "operation": gettext_lazy("Name an operation. Nothing was done."),
}


def transaction_named(
    name: str, gateway_name: str | None, kinds: Collection[TransactionKind]
) -> Transaction:
    """Return the transaction with a public id, a gateway's id or an order reference.

    Args:
        name: what the command was given.
        gateway_name: only at this gateway; None for any.
        kinds: of which kind it is where the gateway's id or the reference is shared by several.

    Raises:
        CommandError: there is none, or there are several.
    """
    name = _checked("transaction", name)
    rows = _all(Transaction).select_related("parent")
    public_id = _uuid(name)
    if public_id is not None and rows.filter(public_id=public_id).exists():
        return _only(rows.filter(public_id=public_id), name, _("transaction"), gateway_name)
    rows = rows.filter(Q(transaction_id=name) | Q(order_reference=name))
    named = _at(rows, gateway_name)
    if kinds and not named.filter(kind__in=kinds).exists():
        other = named.order_by("pk").first()
        if other is not None:
            if other.kind == TransactionKind.CHARGE and set(kinds) == {
                TransactionKind.AUTHORIZATION
            }:
                raise CommandError(str(TAKEN_ALREADY))
            text = _("%(name)s is a transaction of another kind: %(kind)s.")
            values = {"name": name, "kind": other.get_kind_display()}
            raise CommandError(text % values)
    return _only(rows.filter(kind__in=kinds), name, _("transaction"), gateway_name)


def customer_named(name: str, gateway_name: str | None) -> Customer:
    """Return the customer with an e-mail address, a public id or a gateway's.

    Raises:
        CommandError: there is none, or there are several.
    """
    name = _checked("customer", name)
    return _only(_customers(name), name, _("customer"), gateway_name)


def customers_named(name: str, gateway_name: str | None) -> QuerySet[Customer]:
    """Return all customers with an e-mail address, or the one with an id.

    Raises:
        CommandError: there is none.
    """
    name = _checked("customer", name)
    found = _at(_customers(name), gateway_name)
    if not found.exists():
        _only(_customers(name), name, _("customer"), gateway_name)
    return found


def customers_to_erase(name: str, gateway_name: str | None) -> list[Customer]:
    """Return all customers with an e-mail address, or the one with an id; an empty list for none.

    A person has one address at every gateway. Two gateways that count from 1 give one id to two
    persons.

    Raises:
        CommandError: an id has several.
    """
    name = _checked("customer", name)
    rows = _at(_all(Customer), gateway_name)
    found = list(rows.filter(email__iexact=name).order_by("pk"))
    if found:
        return found
    rows = rows.filter(_id_is("customer_id", name))
    return [_only(rows, name, _("customer"))] if rows.exists() else []


def _customers(name: str) -> QuerySet[Customer]:
    return _all(Customer).filter(_id_is("customer_id", name) | Q(email__iexact=name))


def card_named(name: str, gateway_name: str | None) -> CreditCard:
    """Return the stored card with a public id or a gateway's.

    Raises:
        CommandError: there is none, or there are several.
    """
    name = _checked("card", name)
    rows = _all(CreditCard).select_related("customer").filter(_id_is("card_id", name))
    return _only(rows, name, _("card"), gateway_name)


def operation_named(key: str, gateway_name: str | None) -> Operation:
    """Return the operation with a key.

    Raises:
        CommandError: there is none.
    """
    key = _checked("operation", key)
    rows = _all(Operation).filter(key=key.upper())
    return _only(rows, key, _("operation"), gateway_name)


def _checked(argument: str, name: str) -> str:
    """Return a name without the blanks around it.

    Many rows have an empty id or order reference, and a blank name would mean one of them.

    Raises:
        CommandError: it is blank, or has characters that no database takes.
    """
    stripped = name.strip()
    if not stripped:
        raise CommandError(str(BLANK[argument]))
    # As an id, which is never taken for a card number.
    problem = unsendable(stripped, "transaction_id")
    if problem:
        raise CommandError(f"{argument}: {problem}")
    return stripped


def _all(model: type[RowT]) -> QuerySet[RowT]:
    return primary(model)


def _at(rows: QuerySet[RowT], gateway_name: str | None) -> QuerySet[RowT]:
    return rows if gateway_name is None else rows.filter(gateway_name=gateway_name)


def _uuid(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


def _id_is(column: str, name: str) -> Q:
    """Return the condition for a row by its id at the gateway, or by its public id."""
    public_id = _uuid(name)
    # A gateway's ids may look like ours.
    named = Q(**{column: name})
    return named if public_id is None else named | Q(public_id=public_id)


def _only(rows: QuerySet[RowT], name: str, what: str, gateway_name: str | None = None) -> RowT:
    """Return the one of these rows that is at a gateway.

    Raises:
        CommandError: there is none, and where there is one; or there are several.
    """
    found = list(_at(rows, gateway_name).order_by("-pk")[: LISTED + 1])
    if len(found) == 1:
        return found[0]
    values = {"what": what, "name": name}
    if not found and gateway_name is not None and (others := _gateways_of(rows)):
        text = _("There is no %(what)s %(name)s at %(gateway)s. There is one at: %(others)s.")
        values |= {"gateway": gateway_name, "others": ", ".join(others)}
        raise CommandError(text % values)
    if not found:
        raise CommandError(_("There is no %(what)s %(name)s.") % values)
    text = _("There are several with the name %(name)s. Give the id of one, or --gateway:")
    lines = [text % values, *(f"  {_described(row)}" for row in found[:LISTED])]
    raise CommandError("\n".join([*lines, *["  …"] * (len(found) > LISTED)]))


def _gateways_of(rows: QuerySet[RowT]) -> list[str]:
    names = rows.order_by("gateway_name").values_list("gateway_name", flat=True)
    return list(names.distinct())


def _described(row: Any) -> str:
    """Say what tells rows apart that have one name: ids, when they were written, and the card."""
    theirs = row.customer_id if isinstance(row, Customer) else getattr(row, "transaction_id", "")
    card = row.default_card if isinstance(row, Customer) else None
    facts = [row.public_id, row.gateway_name, theirs, f"{row.created_at:%Y-%m-%d}", row, card]
    # No blanks alone: an id and a day might pass for a card number, and be masked.
    return escape("; ".join(str(each) for each in facts if each))
