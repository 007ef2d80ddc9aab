"""Stands between client and test bank, and holds both against the official schema."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from django_dinero.sandbox.bank.bank import Bank
from django_dinero.sandbox.dialects.authorizenet.dialect import AuthorizeNetDialect
from django_dinero.sandbox.http.exchange import Request, Response
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

    route = AuthorizeNetDialect.route

    def __post_init__(self) -> None:
        self._dialect = AuthorizeNetDialect(self.bank)
        self.operation_of = self._dialect.operation_of
        self.not_found = self._dialect.not_found

    def answer(self, request: Request) -> Response:
        """Return the bank's response."""
        if not request.path.startswith(self.route.path):
            return self._dialect.answer(request)  # the REST API has no schema
        self.asked.append(self._checked(request.body))
        response = self._dialect.answer(request)
        self._checked(response.body)
        return response

    def _checked(self, body: bytes) -> str:
        document = etree.fromstring(body.removeprefix(b"\xef\xbb\xbf"))
        name = etree.QName(document).localname
        if OFFICIAL is not None and not OFFICIAL.validate(document):
            self.faults.append(f"{name}: {OFFICIAL.error_log.last_error}")
        return str(name)
