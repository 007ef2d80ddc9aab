"""Django signal receivers: schedule a push after every save and delete that sends a signal."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet
from django.db.models.signals import class_prepared, post_delete, post_save, pre_delete

from django_dinero.db.on_commit import run_after_commit
from django_dinero.exceptions import DineroError
from django_dinero.models import CreditCard, Customer, _services, default_card
from django_dinero.models.sync_state import ALL_EDITS, SyncState, waiting_marks
from django_dinero.tasks import pushing


def connect() -> None:
    """Connect the receivers. Called once, when the app is ready."""
    for model in apps.get_models():
        connect_model(model)
    class_prepared.connect(connect_model, dispatch_uid="dinero.connect_model")


def connect_model(sender: type[Model], **kwargs: Any) -> None:
    """Connect a model if it is one of ours; a proxy of a project sends its own class along."""
    if issubclass(sender, Customer | CreditCard):
        label = sender._meta.label
        post_save.connect(on_save, sender=sender, dispatch_uid=f"dinero.save.{label}")
        pre_delete.connect(before_delete, sender=sender, dispatch_uid=f"dinero.deletes.{label}")
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
    """Mark a saved row and push it after the commit. Fixtures (``raw``) are not pushed."""
    if isinstance(instance, CreditCard):
        _forget_cards(instance)
    if raw:
        return
    if not created and not instance.is_being_saved:
        # Somebody wrote it with Django's own save_base().
        rows = type(instance)._base_manager.using(using).filter(pk=instance.pk)
        rows.update(**waiting_marks(ALL_EDITS))
    if created and (instance.was_accepted or instance.sync_state == SyncState.SYNCED):
        return
    model = CreditCard if isinstance(instance, CreditCard) else Customer
    # The gateway has what was accepted. An edit that came meanwhile is not the caller's concern.
    push = _push_quietly if instance.was_accepted else _push_saved
    run_after_commit(using, (model, instance.pk), partial(push, instance, instance.pk, using))


def before_delete(
    sender: type[Customer | CreditCard],
    instance: Customer | CreditCard,
    using: str,
    origin: Model | QuerySet[Any] | None = None,
    **kwargs: Any,
) -> None:
    """Keep others from moving the default while a card that may have it is deleted."""
    if not isinstance(instance, CreditCard):
        return
    # A cascade has just read its cards. A single instance may have been read long before.
    if instance.is_default or _deletes_cards(origin):
        default_card.lock([instance.customer_pk], using)


def on_delete(
    sender: type[Customer | CreditCard],
    instance: Customer | CreditCard,
    using: str,
    origin: Model | QuerySet[Any] | None = None,
    **kwargs: Any,
) -> None:
    """Write the tombstone of a deleted row, and delete at the gateway after the commit."""
    if sender._meta.concrete_model not in (Customer, CreditCard):
        # A child model with a table of its own. Deleting its parent's row sends another signal.
        return
    by_itself = _deletes_cards(origin)
    _record_deletion(
        instance, using, with_customer=isinstance(instance, CreditCard) and not by_itself
    )
    if isinstance(instance, CreditCard):
        _forget_cards(instance)
        if instance.is_default or by_itself:
            _pass_default_on(instance, using)


def _record_deletion(instance: Customer | CreditCard, using: str, *, with_customer: bool) -> None:
    operation = _services.deletions.record_deletion(instance, using, with_customer=with_customer)
    if operation is not None:
        run_after_commit(using, operation.key, partial(_push_delete, operation.key, using))


def _deletes_cards(origin: Model | QuerySet[Any] | None) -> bool:
    """Whether cards are deleted by themselves, and not by the cascade of another row."""
    model = origin.model if isinstance(origin, QuerySet) else type(origin)
    return issubclass(model, CreditCard)


def _pass_default_on(card: CreditCard, using: str) -> None:
    new_default = default_card.promote_first(CreditCard.objects.using(using), card.customer_pk)
    if new_default is not None:
        run_after_commit(
            using, (CreditCard, new_default.pk), partial(_push_new_default, new_default.pk, using)
        )


def _push_new_default(pk: int, using: str) -> None:
    """Push the new default card. An error is only noted on its row: the caller deleted another."""
    with suppress(DineroError):
        _push_card(pk, using)


# Functions of this module, because a job may be queued before the services are loaded.
def _push_saved(instance: Customer | CreditCard, pk: int, using: str) -> None:
    """Push a saved row, and bring the instance that was saved up to date with it."""
    row = _push_card(pk, using) if isinstance(instance, CreditCard) else _push_customer(pk, using)
    if row is not None:
        instance.take_pushed(row)


def _push_quietly(instance: Customer | CreditCard, pk: int, using: str) -> None:
    """As :func:`_push_saved`. An error is only noted on the row."""
    with suppress(DineroError):
        _push_saved(instance, pk, using)


def _push_customer(pk: int, using: str) -> Customer | None:
    return pushing.push("customer", pk, using, _services.push.push_customer)


def _push_card(pk: int, using: str) -> CreditCard | None:
    return pushing.push("card", pk, using, _services.push.push_card)


def _push_delete(key: str, using: str) -> None:
    pushing.push_delete(key, using, _services.deletions.push_delete)


def _forget_cards(card: CreditCard) -> None:
    if "customer" in card._state.fields_cache:
        card.customer.forget_cards()
