"""Rows of the ledger say what happened to money. A project reads them and changes none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from django.db import router
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from django_dinero.cards import hidden_if_card_number, unsendable
from django_dinero.exceptions import InvalidInput, InvalidTransactionError
from django_dinero.models.own_row import OwnRowModel
from django_dinero.redaction import Secret


class LedgerRow(OwnRowModel):
    """A row whose money neither ``save()`` nor ``delete()`` changes: the journal would disagree.

    Query sets do change it, for whoever has to mend a row by hand.
    """

    #: What may be saved anew, by its name in ``update_fields``.
    FREE_FIELDS: ClassVar[Collection[str]] = ()

    class Meta:
        abstract = True

    if TYPE_CHECKING:
        gateway_name: Any
        transaction_id: Any

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        """Save a new row, or some of :attr:`FREE_FIELDS` of a stored one.

        Raises:
            InvalidInput: anything else of a stored row was to be saved, or a card number; or its
                payment does not allow it yet.
            InvalidTransactionError: it has no row any more.
        """
        named = None if update_fields is None else frozenset(update_fields)
        if not self._state.adding and (named is None or not named <= set(self.FREE_FIELDS)):
            text = _(
                "A row of the ledger says what happened and is not changed. Capture, void or "
                "refund it, or pull it with refresh_from_gateway(). What may be saved has to be "
                "named in update_fields: %(free)s."
            )
            free = ", ".join(self.FREE_FIELDS)
            raise InvalidInput({"transaction": text % {"free": free}})
        self._refuse_card_numbers(named or ())
        if self._state.adding:
            options["force_insert"] = True  # a given primary key must not overwrite its row
        else:
            using = options.get("using") or router.db_for_write(type(self), instance=self)
            stored = self.stored_row(using)
            if not stored.exists():
                raise self.without_row_error()
            self.refuse_change(named or (), stored)
        super().save(update_fields=named, **options)

    def _refuse_card_numbers(self, names: Collection[str]) -> None:
        texts = {name: hidden_if_card_number(name, self.__dict__.get(name)) for name in names}
        errors = {
            name: unsendable(text.reveal(), name)
            for name, text in texts.items()
            if isinstance(text, Secret)
        }
        if errors:
            raise InvalidInput(errors)

    def refuse_change(self, names: Collection[str], stored: QuerySet[Any]) -> None:
        """Refuse to save fields as long as what the row tells of does not allow it.

        Args:
            names: the fields, each of :attr:`FREE_FIELDS`.
            stored: the query for the row.
        """

    def without_row_error(self) -> InvalidTransactionError:
        """Return the error about an instance whose row a rollback has taken."""
        text = _("This transaction has no row any more; retrieve %(id)s from the gateway.")
        return InvalidTransactionError(
            text % {"id": self.transaction_id or _("it")}, gateway_name=self.gateway_name
        )

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse: what happened stays in the books.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(
            {
                "transaction": _(
                    "A row of the ledger is not deleted. dinero_erase takes out of it what names a "
                    "person."
                )
            }
        )
