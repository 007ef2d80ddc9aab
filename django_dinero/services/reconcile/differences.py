"""Write down differences: each once while it is open, however often it is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import IntegrityError, router, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from django_dinero import signals
from django_dinero.cards import text_of
from django_dinero.db import clock
from django_dinero.db.failures import retry_on_conflict
from django_dinero.db.fields import UtcNow
from django_dinero.db.queries import primary
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway
from django_dinero.identifiers import digest
from django_dinero.models import difference_texts
from django_dinero.models.difference import Difference, DifferenceKind, DifferenceState
from django_dinero.observing.verbs import verb
from django_dinero.redaction import Secret, scrub
from django_dinero.services.modes import account_of
from django_dinero.services.recovery.closing import explanation_errors

#: Among the facts of a difference: when the gateway was asked about it and has told nothing.
ASKED_AT = "asked_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A difference that a run has found.

    ``subject`` names what it is about, the same each time: a gateway's id, an operation key, or a
    day and a currency. In the row it has no card number, as no text has. The ids beside it are
    those of the customers and payments that they name.

    ``reason`` is the code of the sentence that says what was found, ``facts`` has what it names,
    and the statuses are those of the two sides, where they are what differs. ``text`` stands in the
    place of a sentence where there is no reason.
    """

    kind: DifferenceKind
    subject: str
    text: str = ""
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    status_here: str = ""
    status_there: str = ""
    operation_key: str = ""
    transaction_id: str = ""
    customer_id: str = ""
    card_id: str = ""
    day: date | None = None
    currency: str = ""
    amount_here: Decimal | None = None
    amount_there: Decimal | None = None

    @property
    def shown_subject(self) -> str:
        """The subject as it is stored: somebody may have used a card number as an id."""
        return scrub(self.subject)


def record(gateway: Gateway, found: Found) -> Difference:
    """Write a difference down, or note on its open row that it was found again.

    A new one sends the signal ``difference_found``.
    """
    name = _open_name(gateway, found)
    row = _again(name, found)
    if row is not None:
        return row
    try:
        with transaction.atomic(using=router.db_for_write(Difference)):
            row = _rows().create(**account_of(gateway).columns, open_name=name, **_columns(found))
    except IntegrityError:  # another run has just found it
        return _again(name, found) or _rows().get(open_name=name)
    row.refresh_from_db(using=_rows().db)  # the times are the database's
    signals.send(signals.difference_found, Difference, difference=row)
    return row


def note_asked(difference: Difference) -> None:
    """Note that the gateway is asked about an open difference now, whatever comes of it."""
    rows = _rows().filter(pk=difference.pk, state=DifferenceState.OPEN)
    difference.facts = {**difference.facts, ASKED_AT: clock.now(rows.db).isoformat()}
    retry_on_conflict(partial(rows.update, facts=difference.facts), rows.db)


def last_asked_at(last_seen_at: datetime, facts: Mapping[str, str]) -> datetime:
    """Return when a difference was found or asked about last."""
    asked = facts.get(ASKED_AT)
    return max(last_seen_at, datetime.fromisoformat(asked)) if asked else last_seen_at


def open_ones(gateway: Gateway, *kinds: DifferenceKind) -> QuerySet[Difference]:
    """Return the open differences of a gateway, of these kinds or of all."""
    rows = _rows().filter(**account_of(gateway).columns, state=DifferenceState.OPEN)
    return rows.filter(kind__in=kinds) if kinds else rows


def resolve(rows: QuerySet[Difference]) -> int:
    """End open differences that a complete look has not found again; return their number."""
    ended: dict[str, Any] = {
        "state": DifferenceState.RESOLVED,
        "open_name": None,
        "ended_at": UtcNow(),
    }
    still_open = rows.filter(state=DifferenceState.OPEN)
    return retry_on_conflict(partial(still_open.update, **ended), rows.db)


@verb("close_difference")
def close(difference: Difference, *, note: str | Secret, by: str | Secret) -> Difference:
    """Close a difference by hand; see :meth:`Difference.close`."""
    errors = explanation_errors(note, by)
    if errors:
        raise InvalidInput(errors)
    still_open = _rows().filter(pk=difference.pk, state=DifferenceState.OPEN)
    close_row = partial(
        still_open.update,
        state=DifferenceState.CLOSED,
        open_name=None,
        note=text_of(note),
        closed_by=text_of(by),
        ended_at=UtcNow(),
    )
    closed = retry_on_conflict(close_row, still_open.db)
    difference.refresh_from_db(using=router.db_for_write(Difference))
    if not closed:
        text = _("Only an open difference can be closed; this one is: %(state)s.")
        raise InvalidInput({"difference": text % {"state": difference.get_state_display()}})
    return difference


def _again(name: str, found: Found) -> Difference | None:
    rows = _rows().filter(open_name=name)
    seen = {"times_seen": F("times_seen") + 1, "last_seen_at": UtcNow()}
    return rows.first() if rows.update(**seen, **_columns(found)) else None


def _columns(found: Found) -> dict[str, object]:
    columns = {name: getattr(found, name) for name in Found.__slots__}
    facts = {name: scrub(value) for name, value in found.facts.items()}
    text = found.text or difference_texts.english(
        found.reason, facts, here=found.status_here, there=found.status_there
    )
    shown = {"subject": found.shown_subject, "facts": facts, "text": scrub(text)}
    return {**columns, **shown}


def _open_name(gateway: Gateway, found: Found) -> str:
    return digest(
        {
            "gateway": gateway.name,
            "live": gateway.live,
            "kind": found.kind.value,
            "subject": found.subject,
        }
    )


def _rows() -> QuerySet[Difference]:
    return primary(Difference)
