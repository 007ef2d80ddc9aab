"""Saves and deletes become pushes here; every path through the ORM that sends a signal is seen."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models.signals import post_delete, post_save

from django_dinero.commit import after_commit
from django_dinero.models import CreditCard, Customer
from django_dinero.models.mirrored import SyncState
from django_dinero.services import deletes, outbox, vault


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
    push = outbox.push_card if isinstance(instance, CreditCard) else outbox.push_customer
    after_commit(using, (sender, instance.pk), partial(push, instance.pk))


def on_delete(
    sender: type[Customer | CreditCard], instance: Customer | CreditCard, using: str, **kwargs: Any
) -> None:
    """Delete at the gateway after the commit; until then only the tombstone is written."""
    if isinstance(instance, CreditCard):
        _forget_cards(instance)
    operation = deletes.bury(instance, using)
    if operation is not None:
        after_commit(using, operation.key, partial(deletes.push_delete, operation.key))


def _forget_cards(card: CreditCard) -> None:
    if "customer" in card._state.fields_cache:
        vault.forget_prefetched(card.customer)
