"""Differences between the two sides as lines, for people and for programs."""

from __future__ import annotations

import json

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_dinero.gateways.base import Gateway
from django_dinero.logs import escape
from django_dinero.services.sync.comparing import Drift, Side

#: Where a customer or card is, for people.
SIDES = {
    Side.HERE: gettext_lazy("here only"),
    Side.THERE: gettext_lazy("at the gateway only"),
    Side.BOTH: gettext_lazy("differs"),
}


def as_json(gateway: Gateway, found: Drift) -> str:
    """Return a difference as a JSON object, in one line."""
    told = {
        "gateway": gateway.name,
        "side": found.side.value,
        "customer_id": found.customer_id,
        "card_id": found.card_id,
        "customer_pk": found.customer_pk,
        "waits": found.waits,
        "fields": {
            name: {"here": here, "there": there} for name, (here, there) in found.fields.items()
        },
    }
    return json.dumps(told)


def as_text(found: Drift) -> str:
    """Return a difference as a sentence, without control characters."""
    parts = [_("customer %(id)s") % {"id": found.customer_id or "-"}]
    if found.customer_pk is not None:
        parts.append(f"(pk {found.customer_pk})")
    if found.card_id:
        parts.append(_("card %(id)s") % {"id": found.card_id})
    facts = {"what": " ".join(parts), "side": SIDES[found.side]}
    line = _("%(what)s: %(side)s") % facts
    if found.fields:
        shown = (f"{name} {here!r} / {there!r}" for name, (here, there) in found.fields.items())
        text = _("%(what)s: %(side)s (here / there): %(fields)s")
        line = text % {**facts, "fields": ", ".join(shown)}
    return escape(_("%(line)s; waits") % {"line": line} if found.waits else line)
