"""The interface between django-dinero and a payment gateway.

A backend translates between its provider's words and the dataclasses of :mod:`.types`, and does
nothing else. It knows no model, no signal and no database transaction; the order of the steps
around a call is in ``django_dinero.services``.

A verb ends in one of three ways:

* It **returns** what the gateway said. A refusal is an answer too: a :class:`~.types.Refusal`, or a
  :class:`~.types.TransactionResult` that is not approved.
* It raises :class:`~django_dinero.exceptions.NotSent` if the request provably never left, or
  :class:`~django_dinero.exceptions.OutcomeUnknown` if it may have arrived and no clear answer came.
* It raises :class:`~django_dinero.exceptions.UnsupportedFeature` or
  :class:`~django_dinero.exceptions.InvalidInput` before anything is sent. Either is taken at its
  word, as ``NotSent`` is: the operation has failed, and its key may charge again. So neither may
  come out of the code that reads an answer. Any exception that is no
  :class:`~django_dinero.exceptions.DineroError` counts as ``OutcomeUnknown``.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Literal, NoReturn
from urllib.parse import quote

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from django_dinero.cards import Address, CardDetails, PaymentToken, card_input_error, required_text
from django_dinero.enums import NextActionKind
from django_dinero.exceptions import InvalidInput, UnsupportedFeature
from django_dinero.gateways.options import (
    console_addresses,
    currency,
    hidden_values,
    refuse_unknown,
    seconds,
)
from django_dinero.gateways.types import (
    Ack,
    BrowserScript,
    CardRequest,
    CardUpdate,
    ChargeRequest,
    CredentialsCheck,
    CustomerRequest,
    CustomerUpdate,
    FollowUpRequest,
    LookupHints,
    LookupResult,
    NextAction,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
    WebhookEndpoint,
    WebhookNotice,
)
from django_dinero.gateways.verb_words import words_of
from django_dinero.redaction import Secret

Request = (
    CustomerRequest | CustomerUpdate | CardRequest | CardUpdate | ChargeRequest | FollowUpRequest
)

ConsoleKind = Literal["transaction", "customer", "card"]

#: Options that every backend understands.
COMMON_OPTIONS: frozenset[str] = frozenset(
    {"currency", "lease_seconds", "quarantine_seconds", "console_url"}
)


class Gateway(ABC):
    """One configured account at one provider.

    One instance serves a whole process and is called from many threads at once: keep no state
    per call on ``self``, and no process-global state of an SDK anywhere.

    Args:
        name: its key in ``DINERO["GATEWAYS"]``.
        options: the ``OPTIONS`` of that entry.
    """

    # -- What a subclass declares ---------------------------------------------------------------

    #: The provider's name for programs, in lower case: "authorizenet".
    provider: ClassVar[str] = ""
    #: Names accepted in OPTIONS beside :data:`COMMON_OPTIONS`.
    option_names: ClassVar[frozenset[str]] = frozenset()
    #: Verbs that this gateway lacks, each with one sentence that says why.
    unsupported: ClassVar[Mapping[str, str]] = {}
    #: Whether the gateway itself answers a repeated operation key with the first result.
    honours_operation_key: ClassVar[bool] = False
    #: Whether it gives back what the bank has not settled yet, a part of it too. Otherwise a refund
    #: of the whole is a void until then, and one of a part has to wait.
    refunds_unsettled: ClassVar[bool] = False
    #: Whether it finds at once what it has just stored. Otherwise a card that it does not find may
    #: merely be new, and for a minute nothing follows from that.
    finds_at_once: ClassVar[bool] = False
    #: What a typed card needs beside its number: fields of the card and of its address.
    required_card_fields: ClassVar[tuple[str, ...]] = ()
    #: Characters that the gateway has room for, by field name (``email``, ``address``, ...).
    max_lengths: ClassVar[Mapping[str, int]] = {}
    #: Whether the account has one currency, the ``currency`` option; any other is refused then.
    single_currency: ClassVar[bool] = True

    #: Seconds for which a worker may hold an operation before others take it for dead. Longer than
    #: any call.
    lease_seconds: float = 180.0
    #: Seconds after which an operation that the gateway cannot find is proven absent.
    quarantine_seconds: float = 180.0

    #: Credentials, which the gateway might quote: they are masked in whatever it says.
    secrets: tuple[Secret, ...] = ()

    def __init__(self, name: str, options: Mapping[str, Any] | None = None) -> None:
        self.name = name
        given = dict(options or {})
        self.secrets = tuple(hidden_values(given))
        refuse_unknown(name, given, COMMON_OPTIONS | self.option_names)
        self.currency = currency(name, given)
        self.console_addresses = console_addresses(name, given)
        self.lease_seconds = seconds(name, given, "lease_seconds", self.lease_seconds)
        self.quarantine_seconds = seconds(
            name, given, "quarantine_seconds", self.quarantine_seconds
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    @property
    def account_fingerprint(self) -> str:
        """A keyed digest of what names the account at the provider; empty where nothing does.

        Two names in the settings with the same one are one account, which a check warns of.
        """
        return ""

    # -- Verbs that every gateway has -----------------------------------------------------------

    @abstractmethod
    def charge(self, request: ChargeRequest) -> TransactionResult:
        """Charge a card, stored or not, or only authorize (``request.capture``).

        Where the card's holder has to do something first, the result says so and says what
        (``REQUIRES_ACTION``, ``next_action``). It is no refusal: the payment is open.
        """

    @abstractmethod
    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction | Refusal:
        """Fetch one transaction as the gateway has it now.

        Raises:
            OutcomeUnknown: the gateway shows a status that this backend does not know. A guess
                would end up in the ledger.
        """

    @abstractmethod
    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        """Find what an operation with our ``key`` left at the gateway, after a lost reply.

        Returns:
            Every match, and whether the search was complete. Only a complete search proves that
            the operation left nothing. One that could not read a list to its end is not complete.
        """

    # -- Customers and cards --------------------------------------------------------------------

    def create_customer(self, request: CustomerRequest) -> RemoteCustomer | Refusal:
        """Store a customer, with a first card if the request has one."""
        self._lacks("create_customer")

    def retrieve_customer(self, customer_id: str) -> RemoteCustomer | Refusal:
        """Fetch a customer with every card."""
        self._lacks("retrieve_customer")

    def update_customer(self, request: CustomerUpdate) -> Ack | Refusal:
        """Write everything the request holds of a customer; repeating it is harmless."""
        self._lacks("update_customer")

    def delete_customer(self, customer_id: str) -> Ack | Refusal:
        """Delete a customer with every card; one that is gone already counts as deleted."""
        self._lacks("delete_customer")

    def add_card(self, request: CardRequest) -> RemoteCard | Refusal:
        """Store a card for a customer that the gateway has.

        Where the card's holder has to do something first, the card has a ``next_action``.
        """
        self._lacks("add_card")

    def update_card(self, request: CardUpdate) -> RemoteCard | Refusal:
        """Write everything the request holds of a card, a new number too if it has one."""
        self._lacks("update_card")

    def delete_card(self, customer_id: str, card_id: str) -> Ack | Refusal:
        """Delete a card; one that is gone already counts as deleted."""
        self._lacks("delete_card")

    def validate_card(
        self, customer_id: str, card_id: str, cvv: Secret | None = None
    ) -> TransactionResult:
        """Ask the issuer whether a stored card is good, without charging it."""
        self._lacks("validate_card")

    # -- Money ----------------------------------------------------------------------------------

    def capture(self, request: FollowUpRequest) -> TransactionResult:
        """Take ``request.amount`` of an authorization."""
        self._lacks("capture")

    def void(self, request: FollowUpRequest) -> TransactionResult:
        """Cancel the whole of a transaction that the bank has not settled yet."""
        self._lacks("void")

    def refund(self, request: FollowUpRequest) -> TransactionResult:
        """Give back ``request.amount`` of a settled transaction."""
        self._lacks("refund")

    def decide_review(
        self, request: FollowUpRequest, action: Literal["approve", "decline"]
    ) -> TransactionResult:
        """Approve or decline a transaction that the gateway holds for review."""
        self._lacks("decide_review")

    # -- Reading the gateway's records, credentials, webhooks -------------------------------------

    def iter_customers(self, after: str = "") -> Iterator[RemoteCustomer]:
        """Go through all customers of the account, fetched as they are asked for.

        Args:
            after: the id of the customer that an earlier walk came to. It goes on behind that one,
                in the same order, and what was stored meanwhile must not be left out.

        Raises:
            GatewayError: not all of them could be read.
        """
        self._lacks("iter_customers")

    def iter_transactions(
        self, since: datetime.datetime, until: datetime.datetime | None = None
    ) -> Iterator[RemoteTransaction]:
        """Go through all transactions submitted since then, fetched as they are asked for.

        Older ones that settled, came back or were disputed since then are listed too, where the
        gateway tells. None is listed twice.

        Args:
            since: an aware datetime.
            until: what was neither submitted, nor settled or taken back before that may be left
                out, which spares the gateway a longer list; None for now.

        Raises:
            GatewayError: not all of them could be read.
        """
        self._lacks("iter_transactions")

    def expect(self, *ids: str) -> None:  # noqa: B027 - most gateways have nothing to do
        """Take note of ids that were stored less than a minute ago, maybe by another process.

        A gateway that may not find them yet waits for them, for as long as its options say.
        """

    def clock(self) -> datetime.datetime | None:
        """Return the gateway's own time, aware; None if nothing here hangs on it.

        A search for a lost operation that reads lists by time needs it: our clock may be ahead of
        the gateway's, and then what it has of the operation would count as older.

        Raises:
            GatewayError: it cannot be learned now, so that nothing can be proven absent.
        """
        return None

    def check_credentials(self) -> CredentialsCheck:
        """Ask the gateway whether it accepts our credentials; "no" is an answer, not an error."""
        self._lacks("check_credentials")

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> WebhookNotice | Refusal:
        """Verify a webhook's signature over its raw bytes, and return what it points at.

        Whatever a stranger sends is refused, not raised.
        """
        self._lacks("parse_webhook")

    def webhook_problem(self) -> str:
        """Return why each webhook is refused with these options; empty if nothing is wrong."""
        return ""

    def webhook_challenge(self, query: Mapping[str, str]) -> str | None:
        """Return the answer to a GET by which the gateway tests the endpoint.

        Args:
            query: what stands behind the address.

        Returns:
            The text to answer; None if this is no challenge, or the gateway knows none.
        """
        return None

    def list_webhooks(self) -> tuple[WebhookEndpoint, ...] | Refusal:
        """Return the endpoints that the account has."""
        self._lacks("list_webhooks")

    def register_webhook(self, url: str) -> WebhookEndpoint | Refusal:
        """Let the gateway send every event that can be applied to an address."""
        self._lacks("register_webhook")

    def remove_webhook(self, endpoint_id: str) -> Ack | Refusal:
        """Let the gateway send nothing more there; an endpoint that is gone counts as removed."""
        self._lacks("remove_webhook")

    # -- The browser ----------------------------------------------------------------------------

    def browser_script(self) -> BrowserScript | None:
        """Return the script that makes tokens with :meth:`browser_keys`; None where there is none.

        The parts of ``django_dinero.wallet`` speak the interface of Accept.js with it.
        """
        return None

    def browser_problem(self) -> str:
        """Return why no browser gets a token with these options; empty if nothing is wrong."""
        return ""

    def action_address(self, action: NextAction, return_url: str) -> str:
        """Return where the card's holder is sent; empty where no address leads there.

        Args:
            action: what the gateway wants of the holder.
            return_url: the page that the holder shall come back to, for a gateway that takes it
                now. Another one was told when the payment was made, or shows no way back.
        """
        is_address = action.kind is NextActionKind.REDIRECT
        return action.value.reveal() if is_address else ""

    # -- Subclasses should not need to override -------------------------------------------------

    def check(self) -> list[CheckMessage]:
        """Return what Django's system checks should say about this gateway's options."""
        return []

    def prepare(self) -> None:
        """Get ready for the first call; the registry calls this after building the gateway.

        What :meth:`check` calls an error is refused here, since not every server runs checks. A
        subclass goes on with whatever its options may break, such as opening a file. In the middle
        of a call the same failure would count as an unknown outcome.

        Raises:
            ImproperlyConfigured: the gateway must not or cannot be used as it is configured.
        """
        for message in self.check():
            if message.is_serious():
                raise ImproperlyConfigured(f"{message.msg} {message.hint or ''}".strip())

    def preload(self) -> None:  # noqa: B027 - a hook, and most gateways have nothing to do
        """Build what only the first call would build, for :func:`django_dinero.preload.preload`.

        Open no connection here: the process may fork afterwards.
        """

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return True

    @property
    def test_account(self) -> str:
        """What it is where no real money moves, to follow "is"; ``check --deploy`` says it."""
        return "a test account"

    def console_url(self, kind: ConsoleKind, remote_id: str) -> str | None:
        """Return the address of an object's page at the provider, None if none is known.

        The option ``console_url`` names the addresses. A backend whose provider documents them may
        return them itself.

        Args:
            kind: what the object is.
            remote_id: the provider's id of it.
        """
        address = self.console_addresses.get(kind)
        return address.replace("{id}", quote(remote_id, safe="")) if address and remote_id else None

    def browser_keys(self) -> Mapping[str, str]:
        """Return what the provider's script in a browser needs to turn a card into a token.

        All of it is public: it stands in pages, and the API shows it. A key that opens the account
        must never be in it.

        Returns:
            Texts by the provider's own names; empty where the browser gets no tokens.
        """
        return {}

    @classmethod
    def supports(cls, verb: str) -> bool:
        """Say whether this gateway has the verb (one of :data:`VERBS`)."""
        return verb not in cls.unsupported

    def require(self, verb: str) -> None:
        """Refuse a verb that this gateway lacks.

        Raises:
            UnsupportedFeature: with the sentence of :attr:`unsupported`.
        """
        if not self.supports(verb):
            self._lacks(verb)

    def check_request(self, request: Request) -> None:
        """Refuse what this gateway cannot take.

        Services call it before they write an operation, so that a refusal leaves nothing behind.
        It knows :attr:`single_currency`, :attr:`max_lengths` and :attr:`required_card_fields`. A
        subclass with further rules extends it.

        Raises:
            InvalidInput: with all fields in one error.
        """
        card = card_of(request)
        errors = self._missing(card) | self._other_currency(request)
        errors |= self._too_long(_texts_of(request) | _texts_of(card))
        if errors:
            raise card_input_error(errors)

    def _missing(self, card: object) -> dict[str, str]:
        if not isinstance(card, CardDetails):
            return {}
        given = _values_of(card) | card.address.as_dict()
        missing = [name for name in self.required_card_fields if not given.get(name)]
        return {name: required_text(self.name, name) for name in missing}

    def _other_currency(self, request: Request) -> dict[str, str]:
        if not isinstance(request, ChargeRequest | FollowUpRequest):
            return {}
        if not self.single_currency or request.currency == self.currency:
            return {}
        text = _("%(gateway)s takes %(currency)s only.")
        return {"currency": text % {"gateway": self.name, "currency": self.currency}}

    def check_lengths(self, values: Mapping[str, str]) -> None:
        """Refuse texts that are longer than the gateway takes.

        Args:
            values: texts by field name.

        Raises:
            InvalidInput: with all of them in one error.
        """
        errors = self._too_long(values)
        if errors:
            raise InvalidInput(errors, gateway_name=self.name)

    def _too_long(self, values: Mapping[str, str]) -> dict[str, str]:
        return {
            name: _("At most %(limit)d characters here, for %(gateway)s.")
            % {"limit": self.max_lengths[name], "gateway": self.name}
            for name, text in values.items()
            if name in self.max_lengths and len(text) > self.max_lengths[name]
        }

    def _lacks(self, verb: str) -> NoReturn:
        reason = self.unsupported.get(verb)
        reason = _(reason) if reason else _("this backend does not have it")
        raise UnsupportedFeature(
            _("%(gateway)s cannot do this (%(verb)s): %(reason)s")
            % {"gateway": self.name, "verb": words_of(verb), "reason": reason},
            gateway_name=self.name,
        )


def card_of(request: Request) -> CardDetails | PaymentToken | StoredCard | None:
    """Return the card that a request stores or charges, None where it has none."""
    if isinstance(request, ChargeRequest):
        return request.source
    if isinstance(request, CustomerRequest | CardRequest | CardUpdate):
        return request.card
    return None


def _texts_of(request: object) -> dict[str, str]:
    """Return the plain texts of a request or a card by field name, its address included."""
    texts: dict[str, str] = {}
    for name, value in _values_of(request).items():
        if isinstance(value, str):
            texts[name] = value
        elif isinstance(value, Address):
            texts |= value.as_dict()
    return texts


def _values_of(instance: object) -> dict[str, Any]:
    """Return what a dataclass holds by field name; unlike ``asdict`` it copies no secret."""
    if not is_dataclass(instance):
        return {}
    return {each.name: getattr(instance, each.name) for each in fields(instance)}


#: The name of every verb, for the contract suite and for tools.
VERBS: tuple[str, ...] = (
    *("create_customer", "retrieve_customer", "update_customer", "delete_customer"),
    *("add_card", "update_card", "delete_card", "validate_card"),
    *("charge", "capture", "void", "refund", "decide_review", "retrieve_transaction"),
    *("find_operation", "iter_customers", "iter_transactions"),
    *("check_credentials", "parse_webhook"),
    *("list_webhooks", "register_webhook", "remove_webhook"),
)
