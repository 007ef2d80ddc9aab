"""A client of Authorize.Net that answers from a script, and a gateway that speaks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from django_dinero.gateways.authorizenet import AuthorizeNetGateway, xml
from django_dinero.gateways.authorizenet.client import Reply
from tests.support.witness import OFFICIAL

OPTIONS = {"login_id": "the-login", "transaction_key": "the-key", "environment": "sandbox"}


@dataclass(frozen=True)
class Answer:
    """A reply without its root, which is that of the operation that was called."""

    result: str
    code: str
    text: str
    inner: str

    def reply(self, operation: str) -> Reply:
        """Return it as the client does, parsed."""
        root = f"{operation}Response"
        message = f"<message><code>{self.code}</code><text>{self.text}</text></message>"
        messages = f"<messages><resultCode>{self.result}</resultCode>{message}</messages>"
        return Reply(*xml.parse(f"<{root}>{messages}{self.inner}</{root}>".encode()))


def ok(inner: str = "", code: str = "I00001", text: str = "Successful.") -> Answer:
    """Answer with resultCode Ok."""
    return Answer("Ok", code, text, inner)


def no(code: str, text: str = "No.", inner: str = "") -> Answer:
    """Answer with resultCode Error."""
    return Answer("Error", code, text, inner)


NOT_FOUND = no("E00040", "The record cannot be found.")


@dataclass(frozen=True)
class Asked:
    """A call that was made."""

    operation: str
    values: Mapping[str, Any]
    changes: bool
    key: str


@dataclass
class ScriptedClient:
    """Gives the answers of a script in their order; each request must be valid.

    Attributes:
        script: answers, and exceptions to raise in the place of one.
        asked: the calls so far.
    """

    script: list[Answer | Exception]
    asked: list[Asked] = field(default_factory=list)

    def call(
        self, operation: str, values: Mapping[str, Any], *, changes: bool, key: str = ""
    ) -> Reply:
        """Remember the call and give the next answer."""
        self.asked.append(Asked(operation, values, changes, key))
        login = {"name": "the-login", "transactionKey": "the-key"}
        head = {"merchantAuthentication": login, "refId": key}
        document = etree.fromstring(xml.build(f"{operation}Request", {**head, **values}))
        if OFFICIAL is not None:
            assert OFFICIAL.validate(document), OFFICIAL.error_log.last_error
        assert self.script, f"nobody wrote an answer to {operation}"
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer.reply(operation)

    @property
    def operations(self) -> list[str]:
        """The names of the calls so far."""
        return [asked.operation for asked in self.asked]


def scripted(
    *script: Answer | Exception, **options: Any
) -> tuple[AuthorizeNetGateway, ScriptedClient]:
    """Return a gateway with a script of answers, and the client that has it."""
    gateway = AuthorizeNetGateway("shop", {**OPTIONS, **options})
    client = ScriptedClient(list(script))
    gateway._client = client  # type: ignore[assignment]
    return gateway, client
