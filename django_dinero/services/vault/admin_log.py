"""Empty what the admin's own log says of a person. Who did what, and when, stays.

Each entry of ``django.contrib.admin`` holds a copy of the row's name, which is a customer's e-mail
address, and a message that may hold it too. Neither goes when the row is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from django_dinero.db.queries import primary
from django_dinero.models.card import CreditCard
from django_dinero.models.customer import Customer


def forget_rows(customer_pk: int, card_pks: Collection[int]) -> int:
    """Empty the entries about a customer and its cards; return how many there are."""
    log = _log()
    if log is None:
        return 0
    about = _about(Customer, [customer_pk]) | _about(CreditCard, card_pks)
    return _forget(log.filter(about))


def forget_address(email: str) -> int:
    """Empty the entries that name an e-mail address, and all others about deleted rows they name.

    The log is searched without an index.

    Args:
        email: in any case.
    """
    log = _log()
    if log is None:
        return 0
    return sum(_forget_address(log, model, email) for model in (Customer, CreditCard))


def _forget_address(log: QuerySet[Any], model: type[Model], email: str) -> int:
    alone = re.compile(rf"(?<![\w.+-]){re.escape(email)}(?![\w-])", re.IGNORECASE)
    found = log.filter(
        Q(object_repr__iexact=email) | Q(change_message__icontains=email), _of(model)
    )
    texts = found.values_list("pk", "object_id", "object_repr", "change_message")
    named = {pk: str(row) for pk, row, name, text in texts if alone.search(f"{name} {text}")}
    pks = {int(row) for row in named.values() if row.isdecimal()}
    rows = primary(model)
    gone = pks.difference(rows.filter(pk__in=pks).values_list("pk", flat=True))
    return _forget(log.filter(Q(pk__in=list(named)) | _about(model, gone)))


def _log() -> QuerySet[Any] | None:
    """Return all entries, None where the admin is not installed."""
    if not apps.is_installed("django.contrib.admin"):
        return None
    model: Any = apps.get_model("admin", "LogEntry")
    entries: QuerySet[Any] = primary(model)
    return entries


def _about(model: type[Model], pks: Collection[int]) -> Q:
    return _of(model) & Q(object_id__in=[str(pk) for pk in pks])


def _of(model: type[Model]) -> Q:
    """Return the condition for entries of a model: a project may show a subclass of its own."""
    found = Q(pk__in=())
    for each in apps.get_models():
        if issubclass(each, model):
            name = each._meta.model_name
            found |= Q(content_type__app_label=each._meta.app_label, content_type__model=name)
    return found


def _forget(entries: QuerySet[Any]) -> int:
    return entries.update(object_repr=_("erased"), change_message="")
