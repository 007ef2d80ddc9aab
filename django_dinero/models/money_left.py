"""The condition by which a database finds payments of which not all was given back."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.db.models import (
    DecimalField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan

from django_dinero.enums import TransactionKind
from django_dinero.money import DECIMAL_PLACES, MAX_DIGITS

#: Less than any amount. SQLite adds up in floating point, and its sums may be off by a little.
_ERROR = Decimal("0.00005")
_AMOUNT = DecimalField(max_digits=MAX_DIGITS, decimal_places=DECIMAL_PLACES)
_FINER = DecimalField(max_digits=MAX_DIGITS + 1, decimal_places=DECIMAL_PLACES + 1)


def has_money_left(rows: QuerySet[Any], counted: Collection[str], taken: Collection[str]) -> Q:
    """Return the condition for charges and authorizations of which not all was given back.

    A refund counts once it was approved: before that it may still be refused.

    Args:
        rows: all transactions, in the database that is asked.
        counted: the statuses whose amount counts.
        taken: the statuses of what was taken once, whatever became of it.
    """
    refunds = rows.filter(kind=TransactionKind.REFUND, status__in=counted)
    captures = rows.filter(kind=TransactionKind.CAPTURE, parent=OuterRef("pk"))
    captured = _sum(captures.filter(status__in=counted), "parent")
    own = _sum(refunds.filter(parent=OuterRef("pk")), "parent")
    of_captures = _sum(refunds.filter(parent__parent=OuterRef("pk")), "parent__parent")
    was_captured = Exists(captures.filter(status__in=taken))
    is_left = Q(_is_some(captured - own - of_captures))
    return Q(kind=TransactionKind.CHARGE) & Q(_is_some(F("price") - own)) | (
        Q(kind=TransactionKind.AUTHORIZATION) & (~Q(was_captured) | is_left)
    )


def _sum(rows: QuerySet[Any], parent: str) -> Coalesce:
    total = rows.order_by().values(parent).annotate(total=Sum("price")).values("total")
    return Coalesce(Subquery(total, output_field=_AMOUNT), Value(0), output_field=_AMOUNT)


def _is_some(amount: Combinable) -> GreaterThan:
    return GreaterThan(amount, Value(_ERROR, output_field=_FINER))
