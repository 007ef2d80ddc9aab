"""One call to the XML API: it ends in a reply, in NotSent or in OutcomeUnknown."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_dinero.enums import ReasonKind
from django_dinero.exceptions import OutcomeUnknown
from django_dinero.gateways.authorizenet import xml
from django_dinero.gateways.authorizenet.codes import BROKE_OFF, message_reason
from django_dinero.gateways.authorizenet.options import Options
from django_dinero.gateways.http.client import HttpClient, Timeouts
from django_dinero.gateways.types import Reason, Refusal

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

CONTENT_TYPE = "text/xml"
#: The root of a refusal before any operation was looked at (a schema error).
ERROR_ROOT = "ErrorResponse"

# A list of a thousand transactions is about a megabyte.
MAX_REPLY_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A parsed reply."""

    #: The root element's name.
    root: str
    #: Not in the repr: a schema error echoes what was sent, even a card number.
    content: dict[str, Any] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the gateway did what the call asks; a transaction may still be declined."""
        return self.root != ERROR_ROOT and self.result_code == "Ok"

    @property
    def result_code(self) -> str:
        """``Ok`` or ``Error``."""
        return xml.text_at(self.content, "messages", "resultCode")

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Code and text of each message, unscrubbed."""
        found = xml.dicts_at(self.content, "messages", "message")
        return [(xml.text_at(m, "code"), xml.text_at(m, "text")) for m in found]

    @property
    def code(self) -> str:
        """The code of the first message, empty where there is none."""
        return self.messages[0][0] if self.messages else ""

    @property
    def text(self) -> str:
        """The text of the first message, unscrubbed: for reading an id from it, not for showing."""
        return self.messages[0][1] if self.messages else ""

    @property
    def broke_off(self) -> bool:
        """Whether it reports trouble at the gateway and does not say how the call ended."""
        told = xml.text_at(self.content, "transactionResponse", "responseCode")
        return not self.ok and self.code in BROKE_OFF and not told

    def reason(self, missing: ReasonKind = ReasonKind.INVALID_TRANSACTION) -> Reason:
        """Return the first message, scrubbed; ``missing`` is what "not found" is about."""
        return message_reason(self.code, self.text, missing)

    def reasons(self, missing: ReasonKind = ReasonKind.INVALID_TRANSACTION) -> tuple[Reason, ...]:
        """Return every message, scrubbed; one without words where the reply has none."""
        told = dict.fromkeys(self.messages) or {("", ""): None}
        return tuple(message_reason(code, text, missing) for code, text in told)

    def refusal(self, missing: ReasonKind = ReasonKind.INVALID_TRANSACTION) -> Refusal:
        """Return the messages as the reasons of a refusal."""
        return Refusal(self.reasons(missing))


class Client:
    """Speaks to one account. Threads may share it, and forked children too."""

    def __init__(self, options: Options, adapter: BaseAdapter | None = None) -> None:
        self._options = options
        self._http = HttpClient(
            options.endpoint,
            timeouts=Timeouts(options.connect_timeout, options.read_timeout, options.deadline),
            ca_bundle=options.ca_bundle,
            proxy=options.proxy,
            max_reply_bytes=MAX_REPLY_BYTES,
            adapter=adapter,
        )

    def __repr__(self) -> str:
        return f"<Client of {self._options.gateway_name!r}>"

    @property
    def gateway_time(self) -> datetime.datetime | None:
        """The gateway's time now, by its last reply; None if that told none."""
        return self._http.server_time

    def preload(self) -> None:
        """Build what the first call would build."""
        self._http.preload()

    def call(
        self, operation: str, values: Mapping[str, Any], *, changes: bool, key: str = ""
    ) -> Reply:
        """Send a request and return the reply.

        Args:
            operation: name without ``Request``: ``createTransaction``.
            values: the operation's own elements.
            changes: whether it changes something at the gateway.
            key: our operation key, sent as ``refId`` (at most 20 characters).

        Raises:
            NotSent: nothing reached the gateway.
            OutcomeUnknown: there was no reply, it belongs to another request, or it says that the
                gateway broke off in the middle of a change.
        """
        head = {
            "merchantAuthentication": {
                "name": self._options.login_id,
                "transactionKey": self._options.transaction_key,
            },
            "refId": key,
        }
        # No local holds the request's bytes: a traceback with locals would show the card number.
        reply = self._read(
            operation,
            self._http.post(
                xml.build(f"{operation}Request", {**head, **values}),
                content_type=CONTENT_TYPE,
                changes=changes,
            ),
            key,
        )
        if changes and reply.broke_off:
            raise OutcomeUnknown(
                _("%(gateway)s broke off: %(text)s")
                % {"gateway": self._options.gateway_name, "text": reply.reason().text},
                gateway_code=reply.code,
            )
        return reply

    def _read(self, operation: str, answer: bytes, key: str) -> Reply:
        problem = ""
        try:
            reply = Reply(*xml.parse(answer))
        except xml.UnreadableReply as error:
            problem = str(error)
        answer = b""
        if problem:
            raise OutcomeUnknown(
                _("%(gateway)s sent an unreadable reply to %(operation)s (%(problem)s).")
                % {
                    "gateway": self._options.gateway_name,
                    "operation": operation,
                    "problem": problem,
                }
            )
        if reply.root not in (ERROR_ROOT, f"{operation}Response"):
            raise self._foreign(operation, reply.root)
        echoed = xml.text_at(reply.content, "refId")
        if key and echoed and echoed != key:
            raise self._foreign(operation, "refId")
        if reply.result_code not in ("Ok", "Error"):
            raise self._foreign(operation, "resultCode")
        return reply

    def _foreign(self, operation: str, what: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            _("%(gateway)s answered %(operation)s with the reply of something else (%(what)s).")
            % {"gateway": self._options.gateway_name, "operation": operation, "what": what[:60]}
        )
