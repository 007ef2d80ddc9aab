"""Stands between client and test bank, and holds both against the official schema."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import Dialect
from django_dinero.sandbox.http.exchange import Reply
from tests.conftest import SHARED_DATA

_PATH = SHARED_DATA / "AnetApiSchema.xsd"
#: None where the schema is not beside this checkout: then nothing is compared.
OFFICIAL = etree.XMLSchema(etree.parse(_PATH)) if _PATH.exists() else None


@dataclass
class Witness:
    """A dialect that remembers what went over the wire and what of it was not valid.

    Attributes:
        asked: the roots of the requests, in order.
        faults: one line for each request or reply that the schema refuses.
    """

    bank: Bank
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dialect = Dialect(self.bank)

    def answer(self, body: bytes, content_type: str = "text/xml") -> Reply:
        """Return the bank's reply."""
        self.asked.append(self._checked(body))
        reply = self._dialect.answer(body, content_type)
        self._checked(reply.body)
        return reply

    def not_yet(self, body: bytes, content_type: str = "text/xml") -> Reply:
        """Return the bank's reply about what it does not know yet."""
        return self._dialect.not_yet(body, content_type)

    def _checked(self, body: bytes) -> str:
        document = etree.fromstring(body.removeprefix(b"\xef\xbb\xbf"))
        name = etree.QName(document).localname
        if OFFICIAL is not None and not OFFICIAL.validate(document):
            self.faults.append(f"{name}: {OFFICIAL.error_log.last_error}")
        return str(name)
