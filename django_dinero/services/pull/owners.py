"""Ask the project for the owner of a customer that has none here."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.db import Error
from django.utils.translation import gettext as _

from django_dinero.db.failures import is_conflict
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.types import RemoteCustomer
from django_dinero.logs import Lines, get_logger

logger = get_logger("django_dinero.sync")

#: Returns the user who owns a customer that has no owner here, or None.
OwnerOf = Callable[[RemoteCustomer], Any]


def find_owner(owner_of: OwnerOf, remote: RemoteCustomer) -> Any:
    """Return the owner of a customer; None if it has none.

    Raises:
        InvalidInput: the callable raised, or returned something else than a stored user. The error
            names the callable and the customer. What the callable said stays out of it: it may
            quote anything.
    """
    try:
        owner = owner_of(remote)
    except Error as error:
        if is_conflict(error):
            raise  # the batch is written again, and the callable asked again
        problem = _failed(owner_of, error)
    except Exception as error:
        problem = _failed(owner_of, error)
    else:
        if owner is None or (isinstance(owner, get_user_model()) and owner.pk is not None):
            return owner
        problem = _("returned %(type)s, and no stored user") % {"type": type(owner).__name__}
    text = _("%(name)s %(problem)s, asked about customer %(id)s.")
    values = {"name": _name_of(owner_of), "problem": problem, "id": remote.customer_id}
    raise InvalidInput({"owner_of": text % values})


def _failed(owner_of: OwnerOf, error: Exception) -> str:
    logger.error(
        "%s raised %s\n%s",
        _name_of(owner_of),
        type(error).__name__,
        Lines("".join(traceback.format_tb(error.__traceback__))),
    )
    return _("raised %(error)s") % {"error": type(error).__name__}


def _name_of(owner_of: OwnerOf) -> str:
    named: Any = owner_of if hasattr(owner_of, "__qualname__") else type(owner_of)
    return f"{named.__module__}.{named.__qualname__}"
