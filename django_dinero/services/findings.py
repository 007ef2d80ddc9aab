"""Wrong fields of several checks, gathered, so that one error names them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from django_dinero.cards import card_input_error, text_of
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.base import Gateway

ResultT = TypeVar("ResultT")


class Findings:
    """What checks found wrong, by field; the first word on a field stands."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def of(self, check: Callable[[], ResultT]) -> ResultT | None:
        """Make a check; return its result, None where it refused."""
        try:
            return check()
        except InvalidInput as error:
            found = error.errors
        self.add({name: " ".join(texts) for name, texts in found.items()})
        return None

    def add(self, errors: Mapping[str, str]) -> None:
        """Take over what was found elsewhere."""
        self.errors = {**errors, **self.errors}

    def of_gateway(self, gateway: Gateway, given: Mapping[str, Any]) -> None:
        """Hold a card's fields as they were typed against what the gateway takes and demands."""
        texts = {name: v for name, v in given.items() if isinstance(v, str)}
        self.of(lambda: gateway.check_lengths(texts))
        if given.get("token"):
            return
        for name in gateway.required_card_fields:
            if not text_of(given.get(name)):
                self.add({name: _("%(gateway)s requires this.") % {"gateway": gateway.alias}})

    def raise_any(self) -> None:
        """Raise :class:`InvalidInput` (of the class of the first wrong card field) if any."""
        if self.errors:
            raise card_input_error(self.errors)
