"""The addresses that the merchant wants to be told at."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from typing import Final

from django_dinero.sandbox.bank.base import BankBase
from django_dinero.sandbox.bank.store import reads, writes

_SETTING: Final = "webhook_endpoints"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and the names of the events that it gets; none stands for all."""

    id: str
    url: str
    events: tuple[str, ...] = ()

    def wants(self, event: str) -> bool:
        return not self.events or event in self.events


class Endpoints(BankBase):
    """Endpoints are kept in the bank's store, as the rest of the account."""

    @reads
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return all endpoints, the first one first."""
        found = json.loads(self.store.get(_SETTING, "[]"))
        return tuple(Endpoint(each["id"], each["url"], tuple(each["events"])) for each in found)

    @writes
    def add_endpoint(self, url: str, events: tuple[str, ...] = ()) -> Endpoint:
        """Tell an address of these events from now on, or of all."""
        new = Endpoint(secrets.token_hex(8), url, events)
        self._put((*self.endpoints(), new))
        return new

    @writes
    def remove_endpoint(self, endpoint_id: str) -> bool:
        """Tell an endpoint of nothing more; return whether there was one with this id."""
        known = self.endpoints()
        left = tuple(each for each in known if each.id != endpoint_id)
        self._put(left)
        return len(left) < len(known)

    def _put(self, endpoints: tuple[Endpoint, ...]) -> None:
        self.store.put(_SETTING, json.dumps([asdict(each) for each in endpoints]))
