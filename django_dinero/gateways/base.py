"""The interface between django-dinero and a payment gateway.

A backend only maps: its provider's words into the dataclasses of :mod:`.types` and back. It knows
no model, no signal and no transaction; the order of steps lives in ``django_dinero.services``.

Three ways for a verb to end:

* it **returns** what the gateway said, a refusal included (:class:`~.types.Refusal`, or a
  :class:`~.types.TransactionResult` that is not approved);
* it raises :class:`~django_dinero.exceptions.NotSent` or
  :class:`~django_dinero.exceptions.OutcomeUnknown` when the wire broke;
* it raises :class:`~django_dinero.exceptions.UnsupportedFeature` or
  :class:`~django_dinero.exceptions.InvalidInput` before anything is sent.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, NoReturn

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from django_dinero.cards import ADDRESS_FIELDS, Address, CardDetails, PaymentToken, card_input_error
from django_dinero.exceptions import InvalidInput, UnsupportedFeature
from django_dinero.gateways.options import currency, refuse_unknown, seconds
from django_dinero.gateways.types import (
    Ack,
    CardRequest,
    CardUpdate,
    ChargeRequest,
    CredentialsCheck,
    CustomerRequest,
    CustomerUpdate,
    FollowUpRequest,
    LookupHints,
    LookupResult,
    Refusal,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
    WebhookNotice,
)
from django_dinero.redaction import Secret

Request = (
    CustomerRequest | CustomerUpdate | CardRequest | CardUpdate | ChargeRequest | FollowUpRequest
)

#: Options that every backend understands.
COMMON_OPTIONS: frozenset[str] = frozenset({"currency", "lease_seconds", "quarantine_seconds"})


class Gateway(ABC):
    """One configured account at one provider.

    One instance serves a whole process and is called from many threads at once: keep no state
    per call on ``self``, and no process-global state of an SDK anywhere.

    Args:
        alias: the name under ``DINERO["GATEWAYS"]``.
        options: the ``OPTIONS`` of that entry.
    """

    # -- What a subclass declares ---------------------------------------------------------------

    #: Names accepted in OPTIONS beside :data:`COMMON_OPTIONS`.
    option_names: ClassVar[frozenset[str]] = frozenset()
    #: Verbs this gateway lacks, each with one sentence that says why.
    unsupported: ClassVar[Mapping[str, str]] = {}
    #: The gateway itself answers a repeated operation key with the first result.
    honours_operation_key: ClassVar[bool] = False
    #: Fields of a typed card that must be given beside the number, those of its address included.
    required_card_fields: ClassVar[tuple[str, ...]] = ()
    #: Longest text the gateway takes, by field name (``email``, ``address``, ...), in characters.
    max_lengths: ClassVar[Mapping[str, int]] = {}
    #: The account has one currency (the ``currency`` option); another one is refused.
    single_currency: ClassVar[bool] = True

    #: Seconds a worker may hold an operation before others take it for dead. Longer than any call.
    lease_seconds: float = 180.0
    #: Seconds after which an operation that the gateway cannot find is proven absent.
    quarantine_seconds: float = 180.0

    def __init__(self, alias: str, options: Mapping[str, Any] | None = None) -> None:
        self.alias = alias
        given = dict(options or {})
        refuse_unknown(alias, given, COMMON_OPTIONS | self.option_names)
        self.currency = currency(alias, given)
        self.lease_seconds = seconds(alias, given, "lease_seconds", self.lease_seconds)
        self.quarantine_seconds = seconds(
            alias, given, "quarantine_seconds", self.quarantine_seconds
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.alias!r}>"

    # -- A handful that every gateway has -------------------------------------------------------

    @abstractmethod
    def charge(self, request: ChargeRequest) -> TransactionResult:
        """Charge (``request.capture``) or only authorize a card, stored or not."""

    @abstractmethod
    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction | Refusal:
        """Fetch one transaction as the gateway has it now."""

    @abstractmethod
    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        """Find what an operation with our ``key`` left at the gateway, after a lost reply.

        Returns:
            Every match, and whether the search was complete: absence is proven only by a complete
            search. A list that could not be read to its end is not complete.
        """

    # -- The vault ------------------------------------------------------------------------------

    def create_customer(self, request: CustomerRequest) -> RemoteCustomer | Refusal:
        """Store a customer, with a first card where the request has one."""
        self._lacks("create_customer")

    def retrieve_customer(self, customer_id: str) -> RemoteCustomer | Refusal:
        """Fetch a customer with all cards."""
        self._lacks("retrieve_customer")

    def update_customer(self, request: CustomerUpdate) -> Ack | Refusal:
        """Write the whole mirrored state of a customer; repeating it is harmless."""
        self._lacks("update_customer")

    def delete_customer(self, customer_id: str) -> Ack | Refusal:
        """Remove a customer with all cards; one that is gone already is a success."""
        self._lacks("delete_customer")

    def add_card(self, request: CardRequest) -> RemoteCard | Refusal:
        """Store one more card for a customer."""
        self._lacks("add_card")

    def update_card(self, request: CardUpdate) -> RemoteCard | Refusal:
        """Write the whole mirrored state of a card, with a new number where one is given."""
        self._lacks("update_card")

    def delete_card(self, customer_id: str, card_id: str) -> Ack | Refusal:
        """Remove a card; one that is gone already is a success."""
        self._lacks("delete_card")

    def validate_card(
        self, customer_id: str, card_id: str, cvv: Secret | None = None
    ) -> TransactionResult:
        """Ask the issuer whether a stored card is good, without charging it."""
        self._lacks("validate_card")

    # -- Money ----------------------------------------------------------------------------------

    def capture(self, request: FollowUpRequest) -> TransactionResult:
        """Capture an authorization, ``request.amount`` of it."""
        self._lacks("capture")

    def void(self, request: FollowUpRequest) -> TransactionResult:
        """Cancel a transaction that the bank has not settled yet, whole."""
        self._lacks("void")

    def refund(self, request: FollowUpRequest) -> TransactionResult:
        """Give ``request.amount`` of a settled transaction back."""
        self._lacks("refund")

    def decide_review(
        self, request: FollowUpRequest, action: Literal["approve", "decline"]
    ) -> TransactionResult:
        """Release or refuse a transaction that the gateway holds for review."""
        self._lacks("decide_review")

    # -- Reading the other side's books ---------------------------------------------------------

    def iter_customers(self) -> Iterator[RemoteCustomer]:
        """Go through all customers of the account, lazily."""
        self._lacks("iter_customers")

    def iter_transactions(self, since: datetime.datetime) -> Iterator[RemoteTransaction]:
        """Go through all transactions submitted since then (aware datetime), lazily."""
        self._lacks("iter_transactions")

    def check_credentials(self) -> CredentialsCheck:
        """Ask the gateway whether it knows us. Raises only when the wire is broken."""
        self._lacks("check_credentials")

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> WebhookNotice | Refusal:
        """Verify a webhook's signature over its raw bytes and say what it points at."""
        self._lacks("parse_webhook")

    # -- Subclasses should not need to override -------------------------------------------------

    def check(self) -> list[CheckMessage]:
        """Return messages for Django's system checks about this alias."""
        return []

    def prepare(self) -> None:
        """Get ready for the first call; the registry calls it when it has built the gateway.

        What :meth:`check` calls an error is refused here, since not every server runs checks. A
        subclass goes on with what its options alone may break, such as a file: in the middle of a
        call the same would count as an unknown outcome.

        Raises:
            ImproperlyConfigured: the gateway must not or cannot be used as it is configured.
        """
        for message in self.check():
            if message.is_serious():
                raise ImproperlyConfigured(f"{message.msg} {message.hint or ''}".strip())

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return True

    @classmethod
    def supports(cls, verb: str) -> bool:
        """Say whether this gateway has a verb."""
        return verb not in cls.unsupported

    def require(self, verb: str) -> None:
        """Raise :class:`UnsupportedFeature` for a verb in :attr:`unsupported`."""
        if not self.supports(verb):
            self._lacks(verb)

    def check_request(self, request: Request) -> None:
        """Raise :class:`InvalidInput` for what this gateway cannot take, all fields in one error.

        Services call it before an operation is written, so that a refusal leaves nothing behind.
        The default knows :attr:`single_currency`, :attr:`max_lengths` and
        :attr:`required_card_fields`; a subclass with further rules of its own extends it.
        """
        errors: dict[str, str] = {}
        card = card_of(request)
        if isinstance(card, CardDetails):
            for name in self.required_card_fields:
                if not getattr(card.address if name in ADDRESS_FIELDS else card, name, None):
                    errors[name] = _("%(gateway)s requires this.") % {"gateway": self.alias}
        currency = getattr(request, "currency", self.currency)
        if self.single_currency and currency != self.currency:
            errors["currency"] = _("%(gateway)s takes %(currency)s only.") % {
                "gateway": self.alias,
                "currency": self.currency,
            }
        errors |= self._too_long(_texts_of(request) | _texts_of(card))
        if errors:
            raise card_input_error(errors)

    def check_lengths(self, values: Mapping[str, str]) -> None:
        """Raise :class:`InvalidInput` that names every value longer than the gateway takes."""
        errors = self._too_long(values)
        if errors:
            raise InvalidInput(errors, gateway_name=self.alias)

    def _too_long(self, values: Mapping[str, str]) -> dict[str, str]:
        return {
            name: _("At most %(limit)d characters here, for %(gateway)s.")
            % {"limit": self.max_lengths[name], "gateway": self.alias}
            for name, text in values.items()
            if name in self.max_lengths and len(text) > self.max_lengths[name]
        }

    def _lacks(self, verb: str) -> NoReturn:
        reason = self.unsupported.get(verb) or _("this backend does not have it")
        raise UnsupportedFeature(
            _("%(gateway)s cannot %(verb)s: %(reason)s")
            % {"gateway": self.alias, "verb": verb, "reason": reason},
            gateway_name=self.alias,
        )


def card_of(request: Request) -> CardDetails | PaymentToken | StoredCard | None:
    """Return the card that a request stores or charges, None where it has none."""
    if isinstance(request, ChargeRequest):
        return request.source
    if isinstance(request, CustomerRequest | CardRequest | CardUpdate):
        return request.card
    return None


def _texts_of(request: object) -> dict[str, str]:
    """Return the plain texts of a request by field name, those of its address included."""
    texts: dict[str, str] = {}
    for name in getattr(request, "__dataclass_fields__", ()):
        value = getattr(request, name)
        if isinstance(value, str):
            texts[name] = value
        elif isinstance(value, Address):
            texts |= value.as_dict()
    return texts


#: Every verb of the interface, for the contract suite and for whoever writes a backend.
VERBS: tuple[str, ...] = (
    *("create_customer", "retrieve_customer", "update_customer", "delete_customer"),
    *("add_card", "update_card", "delete_card", "validate_card"),
    *("charge", "capture", "void", "refund", "decide_review", "retrieve_transaction"),
    *("find_operation", "iter_customers", "iter_transactions"),
    *("check_credentials", "parse_webhook"),
)
