"""Who may do what: owners with what is theirs, staff by permission, nobody else.

* An object that a user may not see does not exist for them: 404, never 403.
* Staff (``is_staff``) with an action's permission may do it to every object.
* An owner may do the actions of ``owner_actions`` to their own objects: see them, edit them, add
  and delete cards. Charging one's own card is the shop's decision: ``owner_actions_by_permission``,
  for owners who hold ``dinero.charge_creditcard``. To capture, void or refund is for staff alone.
* What users see and may not do is a 403. So is every list that is for staff alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from django_dinero import conf
from django_dinero.db.queries import primary
from django_dinero.users import has_permission, is_staff

__all__ = [
    "IsAuthenticated",
    "OwnedMixin",
    "OwnerOrStaffPermission",
    "ShopperPermission",
    "StaffPermission",
]


ModelT = TypeVar("ModelT", bound=Model)


def is_signed_in(request: Any) -> bool:
    """Say whether somebody is signed in; a project may have None for nobody."""
    return bool(request.user and request.user.is_authenticated)


def user_of(request: Any) -> Any | None:
    """Return the user who is signed in, None where nobody is."""
    return request.user if is_signed_in(request) else None


class OwnedMixin:
    """Makes a viewset show each user what is theirs, and staff everything."""

    #: Permission of each action.
    action_permissions: ClassVar[Mapping[str, str]] = {}
    #: Actions that need no permission on what is one's own.
    owner_actions: ClassVar[frozenset[str]] = frozenset()
    #: Actions that need the permission on what is one's own.
    owner_actions_by_permission: ClassVar[frozenset[str]] = frozenset()
    #: Actions that show what is there and do nothing: a project may have a replica answer them.
    showing_actions: ClassVar[frozenset[str]] = frozenset({"list", "retrieve"})

    if TYPE_CHECKING:
        request: Any
        action: str

    def rows_of(self, model: type[ModelT]) -> QuerySet[ModelT]:
        """Return a model's rows: from the primary database where something is done to one.

        A replica may lack a row that was written just now. It may also have another owner of it,
        another default card, or a value that was changed since and would not be written again.
        """
        rows = model._default_manager.all()
        return rows if self.action in self.showing_actions else primary(model)

    def owned_by(self, user: Any) -> Q:
        """Return the condition for what belongs to a user."""
        return Q(owner=user)

    def is_owner(self, obj: Any) -> bool:
        return bool(obj.owner_id == self.request.user.pk)

    def sees_all(self) -> bool:
        """Say whether the caller may do this action to everybody's objects."""
        return self._is_staff_for(self.action)

    def _is_staff_for(self, action: str) -> bool:
        # Who describes the API (OpenAPI) asks without a request.
        user = getattr(self.request, "user", None)
        permission = self.action_permissions.get(action, "")
        return bool(permission) and is_staff(user) and has_permission(user, permission)

    def visible(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that exist for the caller.

        What staff may look at exists, also where they may not do this to it: that is a 403.
        """
        if self.sees_all() or self._is_staff_for("retrieve"):
            return rows
        return rows.filter(self.owned_by(self.request.user))


class _Named(BasePermission):
    """A refusal names the permission that is lacking."""

    #: What REST framework tells with a 403; None for its own words.
    message: str | None = None

    def name(self, view: OwnedMixin, text: str) -> None:
        """Tell of the action's permission, where it has one."""
        permission = view.action_permissions.get(view.action)
        self.message = text % {"permission": permission} if permission else None

    def name_for_staff(self, view: OwnedMixin) -> None:
        """Tell that the action is not for owners."""
        self.name(view, _("Only staff with the permission %(permission)s may do this."))

    def name_for_users(self, view: OwnedMixin) -> None:
        """Tell that whoever has the permission may do it."""
        self.name(view, _("This needs the permission %(permission)s."))


class StaffPermission(_Named):
    """Lets in only those who may do the action to every object."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the caller is staff with the action's permission."""
        assert isinstance(view, OwnedMixin)  # noqa: S101 - as below
        self.name_for_staff(view)
        return view.sees_all()


class ShopperPermission(_Named):
    """Lets in users who may do the action, and shoppers where the project prices their charges."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the caller may do the action; what others own is no part of it."""
        assert isinstance(view, OwnedMixin)  # noqa: S101 - as below
        if conf.api().guest_charges:
            return True
        if view.action in view.owner_actions or view.action not in view.action_permissions:
            return is_signed_in(request)  # a method that there is not is a 405
        self.name_for_users(view)
        return may_name_the_price(request, view)


def may_name_the_price(request: Request, view: OwnedMixin) -> bool:
    """Say whether the caller has the action's permission, as staff or as a user."""
    permission = view.action_permissions.get(view.action, "")
    is_named = bool(permission) and is_signed_in(request)
    return is_named and has_permission(request.user, permission)


class OwnerOrStaffPermission(_Named):
    """Asks an :class:`OwnedMixin` viewset about one object.

    Which objects are seen at all is the viewset's queryset.
    """

    def has_object_permission(self, request: Request, view: APIView, obj: Model) -> bool:
        """Say whether the action may be done to an object that the caller sees."""
        assert isinstance(view, OwnedMixin)  # noqa: S101 - a viewset without it would allow everything
        if view.sees_all():
            return True
        if not view.is_owner(obj):
            self.name_for_users(view)
            return False
        if view.action in view.owner_actions:
            return True
        if view.action not in view.owner_actions_by_permission:
            self.name_for_staff(view)
            return False
        self.name_for_users(view)
        return has_permission(request.user, view.action_permissions[view.action])
