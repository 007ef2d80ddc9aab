"""Saves and deletes become pushes here; every path through the ORM that sends a signal is seen."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models.signals import post_delete, post_save

from django_dinero import hooks
from django_dinero.commit import after_commit
from django_dinero.models import CreditCard, Customer
from django_dinero.models.mirrored import SyncState


def connect() -> None:
    """Connect the receivers; called once, when the app is ready."""
    for model in (Customer, CreditCard):
        label = model._meta.label
        post_save.connect(on_save, sender=model, dispatch_uid=f"dinero.save.{label}")
        post_delete.connect(on_delete, sender=model, dispatch_uid=f"dinero.delete.{label}")


def on_save(
    sender: type[Customer | CreditCard],
    instance: Customer | CreditCard,
    raw: bool,
    using: str,
    **kwargs: Any,
) -> None:
    """Push a saved row after the commit. A fixture (``raw``) mirrors nothing new."""
    if isinstance(instance, CreditCard):
        _forget_cards(instance)
    if raw or instance.sync_state == SyncState.SYNCED:
        return
    push = "push_card" if isinstance(instance, CreditCard) else "push_customer"
    after_commit(using, (sender, instance.pk), partial(hooks.call, push, instance.pk))


def on_delete(
    sender: type[Customer | CreditCard], instance: Customer | CreditCard, using: str, **kwargs: Any
) -> None:
    """Delete at the gateway after the commit; until then only the tombstone is written."""
    if isinstance(instance, CreditCard):
        _forget_cards(instance)
    operation = hooks.call("bury", instance, using)
    if operation is not None:
        after_commit(using, operation.key, partial(hooks.call, "push_delete", operation.key))


def _forget_cards(card: CreditCard) -> None:
    if "customer" in card._state.fields_cache:
        hooks.call("forget_prefetched", card.customer)
