"""Addresses of the admin, and what a page says."""

from __future__ import annotations

import html
import re
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from django_dinero import identifiers


def url(name: str, *args: Any) -> str:
    """The address of ``admin:dinero_<name>``."""
    return reverse(f"admin:dinero_{name}", args=args)


def text(response: Any) -> str:
    """A page without its tags, each run of white space one blank."""
    bare = re.sub(r"<[^>]*>", " ", response.content.decode())
    return " ".join(html.unescape(bare).split())


def messages(response: Any) -> list[str]:
    """The messages that a request left."""
    return [
        html.unescape(re.sub(r"<[^>]*>", "", str(each)))
        for each in get_messages(response.wsgi_request)
    ]


def key_of(client: Client, address: str) -> str:
    """Open a page and return its one-time key."""
    found = re.search(r'name="key" value="([A-Z2-7]{20})"', client.get(address).content.decode())
    assert found is not None
    return found[1]


def confirm(**given: str) -> dict[str, str]:
    """What a page with a button alone posts."""
    return {"key": identifiers.new_key(), **given}


def charge(price: str = "12.50", **given: str) -> dict[str, str]:
    """What the charge page posts."""
    return {"key": identifiers.new_key(), "price": price, "settle": "charge", **given}


def new_customer(**given: str) -> dict[str, str]:
    """What the page *add customer* posts."""
    return {
        "key": identifiers.new_key(),
        "gateway_name": "default",
        "email": "new@example.com",
        **given,
    }


def new_card(number: str = "5424000000000015", **given: str) -> dict[str, str]:
    """What the page *add card* posts."""
    return {
        "key": identifiers.new_key(),
        "number": number,
        "month": "11",
        "year": "2059",
        "cvv": "900",
        "zip": "12345",
        **given,
    }
