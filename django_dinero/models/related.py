"""Customers of a user and cards of a customer: their managers hide card numbers too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import models
from django.db.models.fields.related_descriptors import (
    ReverseManyToOneDescriptor,
    create_reverse_many_to_one_manager,
)
from django.utils.functional import cached_property

from django_dinero.db.fields import GetT, SetT
from django_dinero.models.sync_state import hide_card_numbers_in_calls


class HidingDescriptor(ReverseManyToOneDescriptor):  # type: ignore[type-arg]
    """The reverse side of a foreign key. The methods that Django gives it hide card numbers."""

    #: What the manager inherits from first.
    mixins: ClassVar[tuple[type[Any], ...]] = ()

    @cached_property
    def related_manager_cls(self) -> type[Any]:
        """Make the class of the manager, as Django does."""
        manager = type(self.rel.related_model._default_manager)
        made = create_reverse_many_to_one_manager(manager, self.rel)
        hiding = type("HidingManager", (*self.mixins, made), {})
        hide_card_numbers_in_calls(hiding)
        return hiding


class OwnerForeignKey(models.ForeignKey[SetT, GetT]):
    """The user who owns a customer. To migrations it is a foreign key like any other."""

    related_accessor_class = HidingDescriptor

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return Django's own class in place of this one, which has the same column."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs
