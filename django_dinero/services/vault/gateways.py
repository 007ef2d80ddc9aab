"""The gateway that a push or a delete is sent to."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from django_dinero.exceptions import NotSent
from django_dinero.gateways.base import Gateway
from django_dinero.logs import get_logger
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer
from django_dinero.models.operation import Operation
from django_dinero.redaction import scrub
from django_dinero.services import modes
from django_dinero.user_messages import NOT_SET_UP

logger = get_logger("django_dinero.push")


def gateway_of(row: Customer | CreditCard | Operation) -> Gateway:
    """Return the gateway of a row or an operation.

    Raises:
        InvalidInput: it is of another account than the gateway is now.
        NotSent: its configuration is wrong. This is an error like any other of a push: it is noted
            on the row, and the other pushes of the same commit still run. What is wrong may name a
            credential, and people read that note: it is for the log alone.
    """
    try:
        return modes.gateway_of(row)
    except ImproperlyConfigured as error:
        logger.error(
            "Gateway %s cannot be made: %s",
            row.gateway_name,
            scrub(str(error)),
            extra={"dinero_gateway": row.gateway_name},
        )
        raise NotSent(str(NOT_SET_UP), gateway_name=row.gateway_name) from error
