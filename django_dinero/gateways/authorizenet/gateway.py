"""The Authorize.Net gateway: each verb builds a request, makes the call and reads the reply."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from django.core.checks import CheckMessage
from django.utils.translation import gettext as _

from django_dinero.cards import card_input_error
from django_dinero.enums import ReasonKind
from django_dinero.exceptions import GatewayError, InvalidInput
from django_dinero.gateways.authorizenet import (
    account,
    browser,
    endpoints,
    limits,
    lists,
    lookup,
    options,
    profiles,
    reports,
    requests,
    requests_vault,
    responses,
    responses_vault,
    second_calls,
    webhooks,
)
from django_dinero.gateways.authorizenet.client import Client, Reply
from django_dinero.gateways.authorizenet.patience import FreshIds, PatientClient
from django_dinero.gateways.base import Gateway, Request
from django_dinero.gateways.locks import Lock
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
    Refusal,
    RemoteCard,
    RemoteCustomer,
    RemoteTransaction,
    StoredCard,
    TransactionResult,
    WebhookEndpoint,
    WebhookNotice,
)
from django_dinero.identifiers import fingerprint
from django_dinero.redaction import Secret

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

K = ReasonKind


class AuthorizeNetGateway(Gateway):
    """Authorize.Net's XML API.

    Options, beside those of every backend:

    * ``login_id``, ``transaction_key``: API credentials (required); ``signature_key``: verifies
      webhooks, and may be a list of keys while one is replaced; ``client_key``: public, for
      Accept.js.
    * ``environment``: ``"production"`` or ``"sandbox"``; or ``endpoint``, an address of its own,
      with ``trusted_hosts`` where its host is neither Authorize.Net's nor this machine.
    * ``duplicate_window``: seconds (0 to 28800, default 28800) in which the gateway refuses a
      charge that repeats another one with the same invoice number, which is our operation key.
    * ``validation_mode``: how a card is checked when it is stored: ``"liveMode"`` (default in
      production: an authorization of nothing, for which the account pays), ``"testMode"``
      (default elsewhere: its form alone; mails the merchant a receipt) or ``"none"``.
    * ``replication_seconds``: how long "not found" for an id that was just created is asked again
      (default 15; 0 is off).
    * ``connect_timeout``, ``read_timeout``, ``deadline``: seconds (default 10, 60, 90).
    * ``ca_bundle``: file of certificates to trust; ``proxy``: the one way to use a proxy, those
      of the environment are ignored.

    What it does not do: keep a customer's name (it goes with the cards), answer in another
    currency than the account's, repeat a charge for a repeated key (``find_operation`` finds it).
    """

    provider = "authorizenet"
    option_names = options.OPTION_NAMES
    required_card_fields = ("month", "year")
    max_lengths = limits.MAX_LENGTHS

    def __init__(self, name: str, options_: Mapping[str, Any] | None = None) -> None:
        super().__init__(name, options_)
        self.options = options.read(name, dict(options_ or {}))
        self.fresh = FreshIds()
        self._client: Client | None = None
        self._lock = Lock()
        self._adapter: BaseAdapter | None = None

    # -- Getting ready ----------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        return self.options.live

    @property
    def test_account(self) -> str:
        return self.options.test_account

    @property
    def account_fingerprint(self) -> str:
        where = "production" if self.live else self.options.host
        return fingerprint({"host": where, "login_id": self.options.login_id.reveal()})

    def browser_keys(self) -> Mapping[str, str]:
        """Return what Accept.js takes: the login id, which is public beside such a key, and it."""
        if not self.options.client_key:
            return {}
        login_id = self.options.login_id.reveal()
        return {"api_login_id": login_id, "client_key": self.options.client_key}

    def check(self) -> list[CheckMessage]:
        times = options.check_times(self.options, self.lease_seconds, self.quarantine_seconds)
        return [*options.check(self.options), *times]

    def prepare(self) -> None:
        self._connected()

    def preload(self) -> None:
        self.client.preload()

    @property
    def client(self) -> Client:
        """The client, made at first use: a system check builds gateways that are never used.

        Raises:
            ImproperlyConfigured: a file of certificates or a proxy that cannot be used.
        """
        return self._connected()

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                super().prepare()
                self._client = Client(self.options, self._adapter)
            return self._client

    @property
    def _patient(self) -> PatientClient:
        return PatientClient(self.client, self.fresh, self.options.replication_seconds)

    def mount(self, adapter: BaseAdapter) -> None:
        """Answer calls by a ``requests`` adapter instead of the network, for tests."""
        self._adapter, self._client = adapter, None

    def browser_script(self) -> BrowserScript | None:
        """Return the address of Accept.js; None without a ``client_key``."""
        return browser.script(self.options, self.browser_keys())

    def browser_problem(self) -> str:
        if not self.options.client_key:
            return _("no client_key: the shop's pages take no cards")
        if self.browser_script() is None:
            return _("no environment: the shop's pages take no cards")
        return ""

    def check_request(self, request: Request) -> None:
        errors = limits.errors(request)
        try:
            super().check_request(request)
        except InvalidInput as error:
            errors |= error.by_field
        if errors:
            raise card_input_error(errors)

    # -- Customers --------------------------------------------------------------------------------

    def create_customer(self, request: CustomerRequest) -> RemoteCustomer | Refusal:
        client, key = self._patient, request.operation_key
        values = requests_vault.create_customer(request, self.options.validation_mode)
        reply = client.change("createCustomerProfile", values, key=key)
        if not reply.ok:
            return responses_vault.create_customer_refusal(reply)
        customer_id = responses_vault.new_id(reply, "customerProfileId")
        card_ids = responses_vault.new_card_ids(reply, request)
        self.fresh.add(customer_id, *card_ids)
        cards = (profiles.stored_card(client, customer_id, c, request.card) for c in card_ids)
        return responses_vault.new_customer(request, customer_id, cards)

    def retrieve_customer(self, customer_id: str) -> RemoteCustomer | Refusal:
        return profiles.fetch_customer(self._patient, customer_id)

    def update_customer(self, request: CustomerUpdate) -> Ack | Refusal:
        """Write e-mail and our key; the gateway keeps no name. It takes a reading call first."""
        client, about = self._patient, (request.customer_id,)
        read = partial(profiles.fetch_profile, client, request.customer_id)
        stored = second_calls.before_change(read)
        if isinstance(stored, Refusal):
            return stored
        values, key = requests_vault.update_customer(request, stored), request.operation_key
        reply = client.change("updateCustomerProfile", values, key=key, about=about)
        return responses_vault.updated(reply, K.CUSTOMER_NOT_FOUND)

    def delete_customer(self, customer_id: str) -> Ack | Refusal:
        values, about = {"customerProfileId": customer_id}, (customer_id,)
        reply = self._patient.change("deleteCustomerProfile", values, about=about)
        return self._deleted(reply, K.CUSTOMER_NOT_FOUND, customer_id)

    def iter_customers(self, after: str = "") -> Iterator[RemoteCustomer]:
        yield from profiles.iter_customers(self._patient, self.name, after)

    # -- Cards ------------------------------------------------------------------------------------

    def add_card(self, request: CardRequest) -> RemoteCard | Refusal:
        client, customer_id, key = self._patient, request.customer_id, request.operation_key
        values = requests_vault.add_card(request, self.options.validation_mode)
        about = (customer_id,)
        reply = client.change("createCustomerPaymentProfile", values, key=key, about=about)
        if responses_vault.is_duplicate(reply):
            existing = responses_vault.named_card(reply) or profiles.find_same_card(client, request)
            return responses_vault.duplicate(K.DUPLICATE_CARD, reply, existing_id=existing)
        if not reply.ok:
            return responses_vault.add_card_refusal(reply)
        card_id = responses_vault.new_id(reply, "customerPaymentProfileId")
        self.fresh.add(card_id)
        card = profiles.stored_card(client, customer_id, card_id, request.card)
        return replace(card, is_default=request.is_default)

    def update_card(self, request: CardUpdate) -> RemoteCard | Refusal:
        """Write a card. It takes a reading call first, since an update blanks what it lacks."""
        client, about = self._patient, (request.customer_id, request.card_id)
        read = partial(profiles.fetch_payment_profile, client, *about, unmask=False)
        stored = second_calls.before_change(read)
        if isinstance(stored, Refusal):
            return stored
        values = requests_vault.update_card(request, stored, self.options.validation_mode)
        key = request.operation_key
        reply = client.change("updateCustomerPaymentProfile", values, key=key, about=about)
        if not reply.ok:
            return responses_vault.update_card_refusal(reply)
        return profiles.updated_card(client, request, stored)

    def delete_card(self, customer_id: str, card_id: str) -> Ack | Refusal:
        values, about = requests_vault.profile_ids(customer_id, card_id), (customer_id, card_id)
        reply = self._patient.change("deleteCustomerPaymentProfile", values, about=about)
        return self._deleted(reply, K.CARD_NOT_FOUND, card_id)

    def _deleted(self, reply: Reply, missing: ReasonKind, remote_id: str) -> Ack | Refusal:
        answer = responses_vault.deleted(reply, missing)
        if answer == Ack():
            self.fresh.deleted(remote_id)
        return answer

    def validate_card(
        self, customer_id: str, card_id: str, cvv: Secret | None = None
    ) -> TransactionResult:
        """Check a stored card: with its issuer in liveMode, its form alone in testMode."""
        mode, about = self.options.validation_mode, (customer_id, card_id)
        values = requests_vault.validate_card(customer_id, card_id, cvv, mode)
        reply = self._patient.change("validateCustomerPaymentProfile", values, about=about)
        return responses_vault.validation(reply)

    # -- Money ------------------------------------------------------------------------------------

    def charge(self, request: ChargeRequest) -> TransactionResult:
        """Charge or authorize; a partial approval is voided and counts as declined."""
        client, source = self._patient, request.source
        values = requests.charge(request, self.options.duplicate_window)
        about = (source.customer_id, source.card_id) if isinstance(source, StoredCard) else ()
        reply = _transact(client, values, request.operation_key, about)
        missing = second_calls.missing_record(client, reply, source)
        result = responses.transaction(reply, missing)
        if second_calls.is_duplicate(result):
            return second_calls.original_of_duplicate(client, request, result, self.currency)
        if second_calls.is_partial(result):
            second_calls.void_partial(client, result.transaction_id)
            return replace(result, amount=second_calls.approved_part(reply.content))
        return result

    def capture(self, request: FollowUpRequest) -> TransactionResult:
        client = self._patient
        reply = _transact(client, requests.capture(request), request.operation_key)
        result = responses.transaction(reply)
        if result.already:
            return second_calls.captured_before(client, request, result, self.currency)
        return result

    def void(self, request: FollowUpRequest) -> TransactionResult:
        client = self._patient
        values = requests.void(request.transaction_id)
        reply = _transact(client, values, request.operation_key)
        result = responses.transaction(reply, follow_up=True)
        if result.already:
            return second_calls.voided_before(client, request, result, self.currency)
        return result

    def refund(self, request: FollowUpRequest) -> TransactionResult:
        client = self._patient
        values = requests.refund(request, self.options.duplicate_window)
        reply = _transact(client, values, request.operation_key)
        result = responses.transaction(reply, follow_up=True)
        if second_calls.is_duplicate(result):
            return second_calls.original_of_duplicate(client, request, result, self.currency)
        return result

    def decide_review(
        self, request: FollowUpRequest, action: Literal["approve", "decline"]
    ) -> TransactionResult:
        values, key = requests.decide_review(request.transaction_id, action), request.operation_key
        reply = self._patient.change("updateHeldTransaction", values, key=key)
        return responses.transaction(reply)

    # -- Reading the gateway's records ------------------------------------------------------------

    def retrieve_transaction(self, transaction_id: str) -> RemoteTransaction | Refusal:
        """Fetch one transaction (needs the *Transaction Details API*)."""
        return reports.fetch(self._patient, transaction_id, self.currency)

    def find_operation(self, key: str, hints: LookupHints) -> LookupResult:
        """Find what an operation left: by invoice number, our customer key, or its target."""
        return lookup.find_operation(self._patient, key, hints, self.currency)

    def expect(self, *ids: str) -> None:
        self.fresh.expect(*ids)

    def clock(self) -> datetime.datetime:
        """Return the gateway's time, by the Date header of a call that does nothing else.

        Raises:
            GatewayError: the reply has no such header.
        """
        self._patient.read("authenticateTest", {})
        now = self.client.gateway_time
        if now is None:
            raise GatewayError(_("The reply has no Date header."), gateway_name=self.name)
        return now

    def iter_transactions(
        self, since: datetime.datetime, until: datetime.datetime | None = None
    ) -> Iterator[RemoteTransaction]:
        """Go through all transactions since then: unsettled ones, then the batches settled since.

        A list tells less than :meth:`retrieve_transaction`: no parent and no AVS letter, and a
        captured authorization shows as a charge.

        Raises:
            AuthenticationError, NotPermittedError: the credentials are wrong, or may not read it.
            GatewayError: a list could not be read to its end.
        """
        yield from lists.iter_transactions(
            self._patient, since, until, currency=self.currency, gateway_name=self.name
        )

    # -- Credentials and webhooks -----------------------------------------------------------------

    def check_credentials(self) -> CredentialsCheck:
        """Ask with a call that does nothing else (``authenticateTestRequest``).

        What an account may not do shows only when it is tried: two more calls read, and change
        nothing either.
        """
        reply = self._patient.read("authenticateTest", {})
        lacks = account.lacks(self._patient) if reply.ok else ()
        return CredentialsCheck(reply.ok, reply.reason().text, live=self.live, lacks=lacks)

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> WebhookNotice | Refusal:
        return webhooks.parse(headers, raw_body, self.options.signature_keys)

    def webhook_problem(self) -> str:
        return "" if self.options.signature_keys else _("no signature_key: webhooks are refused")

    def list_webhooks(self) -> tuple[WebhookEndpoint, ...] | Refusal:
        return self._endpoints.all()

    def register_webhook(self, url: str) -> WebhookEndpoint | Refusal:
        return self._endpoints.add(url)

    def remove_webhook(self, endpoint_id: str) -> Ack | Refusal:
        return self._endpoints.remove(endpoint_id)

    @property
    def _endpoints(self) -> endpoints.Endpoints:
        # Asked once in a while, by a command: it keeps no connections.
        self._connected()
        return endpoints.Endpoints(self.options, self._adapter)


def _transact(
    client: PatientClient, values: dict[str, Any], key: str, about: tuple[str, ...] = ()
) -> Reply:
    values = {"transactionRequest": values}
    return client.change("createTransaction", values, key=key, about=about)
