"""Charges: ``/charges/``, of tokens and new cards that no customer has."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from django_dinero import throttle_rates
from django_dinero.api.permissions import ShopperPermission, may_name_the_price, user_of
from django_dinero.api.serializers import TransactionSerializer
from django_dinero.api.token_charges import (
    ShopperChargeSerializer,
    StaffTokenChargeSerializer,
    TokenChargeSerializer,
    check_price,
    ip_of,
)
from django_dinero.api.views.base import DineroViewSet
from django_dinero.models import Transaction
from django_dinero.redaction import Secret
from django_dinero.services.payments import charge as charges


class ChargeViewSet(DineroViewSet):
    """What it makes is a transaction, and stands among them."""

    serializer_class = TransactionSerializer
    permission_classes = (ShopperPermission,)
    action_permissions: ClassVar[dict[str, str]] = {"create": "dinero.charge_creditcard"}
    keyed_actions = frozenset({"create"})
    rate_scopes: ClassVar[dict[str, str]] = {"create": throttle_rates.CHARGE}

    def get_queryset(self) -> QuerySet[Any]:
        return Transaction.objects.none()

    def create(self, request: Request, **kwargs: Any) -> Response:
        """Charge a token, or a new card; the transaction belongs to the user who asks for it.

        What staff with the permission charge belongs to nobody. Whoever has no permission is a
        shopper, and pays what the project says.
        """
        if self.sees_all():
            return self.move_money(
                StaffTokenChargeSerializer, Transaction.create, check=charges.check
            )
        move = partial(Transaction.create, owner=user_of(request))
        if may_name_the_price(request, self):
            return self.move_money(TokenChargeSerializer, move, check=charges.check)
        of_shopper = partial(self._charge_shopper, move)
        return self.move_money(ShopperChargeSerializer, of_shopper, check=charges.check)

    @property
    def order_of_shopper(self) -> str | Secret:
        """The order that a shopper asks to pay; empty without a reference."""
        named = self.request.data.get("order_reference") if self._is_of_shopper else None
        if isinstance(named, Secret):  # as the parser wraps every long number
            return Secret(named.reveal().strip())
        return str(named).strip() if isinstance(named, str | int) else ""

    @property
    def _is_of_shopper(self) -> bool:
        return not self.sees_all() and not may_name_the_price(self.request, self)

    def _charge_shopper(self, move: Any, **given: Any) -> Transaction:
        # What was charged is answered again, though there is nothing more to pay for.
        if not self.is_repetition:
            check_price(self.request, given)
        # Without a reference the project has to tell its orders apart.
        pays_order = bool(given.get("order_reference"))
        address = ip_of(self.request)
        row: Transaction = move(customer_ip=address, pays_order=pays_order, **given)
        return row
