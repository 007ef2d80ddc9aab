"""What may be typed into a search box, and the look-up that each kind of text becomes.

Every look-up compares whole values: an index answers at once, where a search for parts of texts
reads a table of millions from end to end. Rows of other tables are looked up first and named by
their keys, since no database uses its indexes for an OR that reaches across tables.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone

from django_dinero.db.spellings import spellings
from django_dinero.exceptions import InvalidInput
from django_dinero.forms.amounts import plain_amount
from django_dinero.gateways.registry import gateways
from django_dinero.identifiers import KEY_LENGTH
from django_dinero.models import CreditCard, Customer, Operation, Transaction
from django_dinero.models.card import cards_lock_name
from django_dinero.models.operation import MONEY_KINDS, OperationKind
from django_dinero.models.transaction import LOCK_PREFIX
from django_dinero.money import exponent

#: How many rows of another table are followed at most.
FOLLOWED = 1000
#: How many words of a name are taken apart.
NAMES = 5

_KEY = re.compile(rf"[A-Z2-7]{{{KEY_LENGTH}}}")
_DAY = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}")
_LAST_4 = re.compile(r"[0-9]{4}")
#: With a point or a currency: a bare number is an id or an order reference.
_AMOUNT = re.compile(r"([0-9]{1,12}\.[0-9]{1,4})(?: ([A-Z]{3}))?|([0-9]{1,12}) ([A-Z]{3})")

_CURRENCY = re.compile(r"[A-Z]{3}")
#: Decimals of an amount without a currency.
USUAL_PLACES = 2


# -- One function for each list --------------------------------------------------------------------


def customers(text: str) -> Q:
    """E-mail, name, last four digits of a card, public id, customer key or id, day."""
    if "@" in text:
        return Q(email__in=spellings(text))
    if found := _uuid(text) or _day(text):
        return found
    if _KEY.fullmatch(text):
        return Q(customer_key=text) | Q(customer_id=text)
    found = Q(customer_id=text)
    if _LAST_4.fullmatch(text):
        return found | Q(pk__in=_first(CreditCard, "customer_pk", Q(last_4=text)))
    return found | _named(text)


def cards(text: str) -> Q:
    """Last four digits, public id, ids of the gateway, the customer's e-mail or name, day."""
    if "@" in text:
        return Q(customer_pk__in=_first(Customer, "pk", customers(text)))
    if found := _uuid(text) or _day(text):
        return found
    found = Q(customer_id=text) | Q(card_id=text)
    if _LAST_4.fullmatch(text):
        return found | Q(last_4=text)
    return found | Q(customer_pk__in=_first(Customer, "pk", _named(text)))


def transactions(text: str) -> Q:
    """Ids, keys, order reference, last four digits, amount, customer's e-mail or name, day.

    What somebody paid is found by e-mail and by customer id when the customer has been deleted too.
    """
    if "@" in text:
        of_customer = _first(Customer, "pk", customers(text))
        return Q(customer_pk__in=of_customer) | _of_deleted_customers(text)
    if found := _day(text) or _amount(text):
        return found
    found = Q(transaction_id=text) | Q(order_reference=text)
    if public_id := _uuid(text):
        return found | public_id
    if _KEY.fullmatch(text):
        found |= Q(operation_key=text)
    if _LAST_4.fullmatch(text):
        found |= Q(last_4=text)
    named = _named(text) if any(map(str.isalpha, text)) else Q()
    of_customer = _first(Customer, "pk", Q(customer_id=text) | named)
    of_card = _first(CreditCard, "pk", Q(card_id=text))
    if not of_customer:
        found |= _paid_by([text])
    return found | Q(customer_pk__in=of_customer) | Q(card_pk__in=of_card)


def operations(text: str) -> Q:
    """Operation key, idempotency key, lock name, ids of a transaction, customer id, day.

    With a transaction, the operation that made it and those that followed it are found.
    """
    if day := _day(text):
        return day
    found = Q(idempotency_key=text) | Q(lock_name=text) | customer_operations(text)
    if _KEY.fullmatch(text):
        found |= Q(key=text)
        rows = Q(operation_key=text)
    else:
        rows = _uuid(text) or Q(transaction_id=text)
    of_rows = operations_of(Transaction.objects.filter(rows).order_by()[:FOLLOWED])
    modes = (True, False)
    locks = [cards_lock_name(name, text, live=live) for name in gateways for live in modes]
    locks += [each.lock_name for each in Customer.objects.filter(customer_id=text)]
    return found | of_rows | Q(lock_name__in=locks)


def operations_of(rows: QuerySet[Transaction]) -> Q:
    """Those that made transactions or followed them, by keys and locks, which have an index."""
    pairs = list(rows.values_list("operation_key", "public_id"))
    keys = [key for key, _public_id in pairs if key]
    locks = [f"{LOCK_PREFIX}{public_id}" for _key, public_id in pairs]
    return Q(key__in=keys) | Q(lock_name__in=locks)


def differences(text: str) -> Q:
    """What it is about, or the id of a transaction, operation, customer or card."""
    found = Q(subject=text) | Q(operation_key=text) | Q(transaction_id=text)
    return found | Q(customer_id=text) | Q(card_id=text)


def webhook_events(text: str) -> Q:
    """The gateway's id of the object or of the event, day."""
    return _day(text, "received_at") or Q(object_id=text) | Q(event_id=text)


def customer_operations(customer_id: str) -> Q:
    """All kinds by name: the index over customers' ids begins with the kind."""
    return Q(kind__in=[kind.value for kind in OperationKind], customer_id=customer_id)


# -- Kinds of text ---------------------------------------------------------------------------------


def _uuid(text: str) -> Q | None:
    try:
        return Q(public_id=uuid.UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None


def _day(text: str, column: str = "created_at") -> Q | None:
    """``2026-11-28``, in the current time zone."""
    if not _DAY.fullmatch(text):
        return None
    try:
        begin = datetime.fromisoformat(text)
    except ValueError:  # the 31st of February
        return None
    end = begin + timedelta(days=1)
    since, before = timezone.make_aware(begin), timezone.make_aware(end)
    return Q((f"{column}__gte", since), (f"{column}__lt", before))


def _amount(text: str) -> Q | None:
    """``12.50``, ``12.50 EUR`` or ``1200 JPY``, and as the language writes it: ``12,50``."""
    match = _AMOUNT.fullmatch(_plain(text))
    if match is None:
        return None
    amount, currency = match[1] or match[3], match[2] or match[4]
    found = Q(price=Decimal(amount))
    return found & Q(currency=currency) if currency else found


def _plain(text: str) -> str:
    """Return an amount as it is read in a form; what could be read in two ways as it is."""
    typed, blank, currency = text.rpartition(" ")
    if not _CURRENCY.fullmatch(currency):
        typed, blank, currency = text, "", ""
    try:
        places = exponent(currency) if currency else USUAL_PLACES
        return f"{plain_amount(typed.strip(), places)}{blank}{currency}"
    except (InvalidInput, ValidationError):
        return text


def _named(text: str) -> Q:
    """First and last name in any order, or one of them; each may have a blank in it."""
    found = Q(first_name__in=spellings(text)) | Q(last_name__in=spellings(text))
    words = text.split()
    for cut in range(1, min(len(words), NAMES)):
        one, other = spellings(" ".join(words[:cut])), spellings(" ".join(words[cut:]))
        # Written out: SQLite and MariaDB use no index for an AND of ORs.
        found |= Q(first_name__in=one, last_name__in=other)
        found |= Q(first_name__in=other, last_name__in=one)
    return found


def _of_deleted_customers(email: str) -> Q:
    """By the journal, which alone still knows the address; of the few that were deleted."""
    spelled = Q(intent__email__in=spellings(email))
    deleted = Operation.objects.filter(kind=OperationKind.DELETE_CUSTOMER).exclude(customer_id="")
    kinds = (OperationKind.CREATE_CUSTOMER, OperationKind.UPDATE_CUSTOMER)
    written = Operation.objects.filter(
        spelled, kind__in=kinds, customer_id__in=deleted.order_by().values("customer_id")
    )
    ids = written.order_by().values_list("customer_id", flat=True)[:FOLLOWED]
    return _paid_by(list(ids))


def _paid_by(customer_ids: Sequence[str]) -> Q:
    """What the journal has of customers, by their ids at the gateway; a row does not have them."""
    kinds = [kind.value for kind in MONEY_KINDS]
    rows = Operation.objects.filter(kind__in=kinds, customer_id__in=customer_ids).order_by()
    keys = rows.values_list("key", flat=True)[:FOLLOWED] if customer_ids else ()
    return Q(operation_key__in=list(keys))


def _first(model: type[Customer | CreditCard], column: str, condition: Q) -> list[int]:
    rows = model._default_manager.filter(condition).order_by()
    return list(rows.values_list(column, flat=True)[:FOLLOWED])
