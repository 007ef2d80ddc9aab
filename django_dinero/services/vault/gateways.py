"""The gateway that a push or a delete is sent to."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from django_dinero.exceptions import NotSent
from django_dinero.gateways.base import Gateway
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation
from django_dinero.services import modes


def gateway_of(row: Customer | CreditCard | Operation) -> Gateway:
    """Return the gateway of a row or an operation.

    Raises:
        InvalidInput: it is of another account than the gateway is now.
        NotSent: its configuration is wrong. This is an error like any other of a push: it is noted
            on the row, and the other pushes of the same commit still run.
    """
    try:
        return modes.gateway_of(row)
    except ImproperlyConfigured as error:
        raise NotSent(str(error), gateway_name=row.gateway_name) from error
