"""The Authorize.Net gateway: what it declares, and the verbs that belong to no other part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage
from django.utils.translation import gettext as _
from requests.adapters import BaseAdapter

from django_dinero.cards import CardDetails, card_input_error
from django_dinero.exceptions import InvalidInput
from django_dinero.gateways.authorizenet import options, webhooks
from django_dinero.gateways.authorizenet.account import FreshIds
from django_dinero.gateways.authorizenet.client import Client
from django_dinero.gateways.authorizenet.lookups import Lookups
from django_dinero.gateways.authorizenet.vault import Vault
from django_dinero.gateways.base import Request
from django_dinero.gateways.locks import Lock
from django_dinero.gateways.types import CredentialsCheck, Refusal, WebhookNotice

#: The schema's limits, in characters. A charge's e-mail and a profile's have the same.
MAX_LENGTHS: Mapping[str, int] = {
    "email": 255,
    "first_name": 50,
    "last_name": 50,
    "company": 50,
    "address": 60,
    "city": 40,
    "state": 40,
    "zip": 20,
    "country": 60,
    "phone": 25,
    "fax": 25,
}
MAX_NUMBER = 16
MAX_ORDER_TEXT = 255


class AuthorizeNetGateway(Vault, Lookups):
    """Authorize.Net's XML API.

    Options, beside those of every backend:

    * ``login_id``, ``transaction_key``: API credentials (required); ``signature_key``: verifies
      webhooks; ``client_key``: public, for Accept.js.
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

    option_names = options.OPTION_NAMES
    required_card_fields = ("month", "year")
    max_lengths = MAX_LENGTHS

    def __init__(self, alias: str, options_: Mapping[str, Any] | None = None) -> None:
        super().__init__(alias, options_)
        self.options = options.read(alias, dict(options_ or {}))
        self.fresh = FreshIds()
        self._client: Client | None = None
        self._lock = Lock()
        self._adapter: BaseAdapter | None = None

    @property
    def client(self) -> Client:  # type: ignore[override]
        """The client, made at first use: a system check builds gateways that are never used."""
        return self._connected()

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                super().prepare()
                self._client = Client(self.options, self._adapter)
            return self._client

    def prepare(self) -> None:
        """Make the client: a wrong certificate file or proxy is found now and not in a call."""
        self._connected()

    def mount(self, adapter: BaseAdapter) -> None:
        """Answer calls by a ``requests`` adapter instead of the network, for tests."""
        self._adapter, self._client = adapter, None

    @property
    def live(self) -> bool:
        """Whether the endpoint is the production one."""
        return self.options.live

    def check(self) -> list[CheckMessage]:
        """Find an endpoint to which card numbers must not go, and times that do not fit a call."""
        times = options.check_times(self.options, self.lease_seconds, self.quarantine_seconds)
        return [*options.check(self.options), *times]

    def check_request(self, request: Request) -> None:
        """Refuse also numbers of more than 16 digits, and texts that do not fit one description."""
        errors = self._number_errors(request) | self._text_errors(request)
        try:
            super().check_request(request)
        except InvalidInput as error:
            errors |= {name: " ".join(texts) for name, texts in error.errors.items()}
        if errors:
            raise card_input_error(errors)

    def _number_errors(self, request: Request) -> dict[str, str]:
        card = getattr(request, "card", None) or getattr(request, "source", None)
        if isinstance(card, CardDetails) and len(card.number) > MAX_NUMBER:
            text = _("Authorize.Net takes card numbers of at most %(limit)d digits.")
            return {"number": text % {"limit": MAX_NUMBER}}
        return {}

    def _text_errors(self, request: Request) -> dict[str, str]:
        texts = [getattr(request, n, "") for n in ("order_reference", "description")]
        if len(" | ".join(text for text in texts if text)) > MAX_ORDER_TEXT:
            text = _("Order reference and description have %(limit)d characters together.")
            return {"description": text % {"limit": MAX_ORDER_TEXT}}
        return {}

    def check_credentials(self) -> CredentialsCheck:
        """Ask with a call that does nothing else (``authenticateTestRequest``)."""
        reply = self.client.call("authenticateTest", {}, changes=False)
        return CredentialsCheck(reply.ok, reply.reason().text, live=self.live)

    def parse_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> WebhookNotice | Refusal:
        """Verify ``X-ANET-Signature`` over the raw bytes and say what the notice points at."""
        return webhooks.parse(headers, raw_body, self.options.signature_key)
