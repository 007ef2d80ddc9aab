"""Saves and deletes become pushes here; every path through the ORM that sends a signal is seen."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.db.models.signals import class_prepared, post_delete, post_save

from django_dinero import hooks
from django_dinero.commit import after_commit
from django_dinero.models import CreditCard, Customer
from django_dinero.models.mirrored import SyncState


def connect() -> None:
    """Connect the receivers; called once, when the app is ready."""
    for model in apps.get_models():
        watch(model)
    class_prepared.connect(watch, dispatch_uid="dinero.watch")


def watch(sender: type[Model], **kwargs: Any) -> None:
    """Connect a model if it is one of ours: a project's proxy sends its own class with signals."""
    if issubclass(sender, Customer | CreditCard):
        label = sender._meta.label
        post_save.connect(on_save, sender=sender, dispatch_uid=f"dinero.save.{label}")
        post_delete.connect(on_delete, sender=sender, dispatch_uid=f"dinero.delete.{label}")


def on_save(
    sender: type[Customer | CreditCard],
    instance: Customer | CreditCard,
    created: bool,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **kwargs: Any,
) -> None:
    """Mark a saved row and push it after the commit. A fixture (``raw``) mirrors nothing new."""
    if isinstance(instance, CreditCard):
        _forget_cards(instance)
    if raw:
        return
    if not created:
        written = instance.MIRRORED if update_fields is None else update_fields
        if not set(written).isdisjoint(instance.MIRRORED):
            instance.mark_changed(using, written)
    if instance.just_pushed or (created and instance.sync_state == SyncState.SYNCED):
        return
    model = CreditCard if isinstance(instance, CreditCard) else Customer
    push = partial(hooks.call, "push_card" if model is CreditCard else "push_customer")
    after_commit(using, (model, instance.pk), partial(push, instance.pk, using))


def on_delete(
    sender: type[Customer | CreditCard], instance: Customer | CreditCard, using: str, **kwargs: Any
) -> None:
    """Delete at the gateway after the commit; until then only the tombstone is written."""
    if sender._meta.concrete_model not in (Customer, CreditCard):
        return  # a child with a table of its own: its parent's row goes too, and says so
    if isinstance(instance, CreditCard):
        _forget_cards(instance)
    operation = hooks.call("bury", instance, using)
    if operation is not None:
        push = partial(hooks.call, "push_delete", operation.key, using)
        after_commit(using, operation.key, push)


def _forget_cards(card: CreditCard) -> None:
    if "customer" in card._state.fields_cache:
        card.customer.forget_cards()
