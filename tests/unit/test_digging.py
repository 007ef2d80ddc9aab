"""What digs for planted numbers finds them in every disguise."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import urllib.parse
import zlib
from collections.abc import Callable

import pytest

from tests.support import digging
from tests.support.digits import GROUPINGS, grouped, with_check_digit

NUMBER = with_check_digit("492932178840563")
NUMBERS = {"planted": NUMBER, "other": with_check_digit("453298120347611")}
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": str.encode,
    "utf-16": lambda text: text.encode("utf-16-le"),
    "latin-1": lambda text: text.encode("latin-1", "replace"),
    "percent": lambda text: urllib.parse.quote(text).encode(),
    "percent digits": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()).encode(),
    "form": lambda text: urllib.parse.quote_plus(text).encode(),
    "json": lambda text: json.dumps({"number": text}).encode(),
    "html": lambda text: "".join(f"&#{ord(each)};" for each in text).encode(),
    "repr": lambda text: ascii(text).encode(),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "pickle": pickle.dumps,
    "base64": base64.b64encode,
    "base64 for addresses": base64.urlsafe_b64encode,
    "base64 without its end": lambda data: base64.b64encode(data).rstrip(b"="),
    "session": lambda data: b"." + base64.urlsafe_b64encode(zlib.compress(data)).rstrip(b"="),
    "cache": lambda data: pickle.dumps(1.0) + zlib.compress(pickle.dumps(data)),
    "gzip in base64": lambda data: base64.b64encode(gzip.compress(data)),
    "base64 in gzip": lambda data: gzip.compress(base64.b64encode(data)),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_disguise_is_seen_through(packing: str, encoding: str) -> None:
    for separator in ("", *GROUPINGS.values()):
        told = f"card {grouped(NUMBER, separator)} of Bill"
        for before in (b"", b"x", b"xy", b"a/b/"):
            data = before + PACKINGS[packing](ENCODINGS[encoding](told)) + b"\n and so on"
            assert digging.find(data, NUMBERS) == {"planted"}, (separator, before)


def test_nothing_is_found_where_nothing_is() -> None:
    data = b"".join(PACKINGS["gzip in base64"](str(n).encode() * 9) for n in range(300))
    assert digging.find(data + NUMBER[:-1].encode(), NUMBERS) == set()


def test_places_are_named() -> None:
    places = [("log", b"x"), ("mail", NUMBER.encode()), ("page", NUMBER.encode())]
    assert digging.find_in(places, NUMBERS) == {"planted > mail", "planted > page"}


@pytest.mark.parametrize("text", ["cvv=0417&", '"0417"', "(0417,)", "code 0417\n", ">0417<"])
def test_a_short_secret_counts_where_it_stands_alone(text: str) -> None:
    assert digging.stands_alone("0417", text.encode())
    assert digging.stands_alone("0417", zlib.compress(text.encode()))
    assert not digging.stands_alone("0417", b"a0417 10417 0.0417 1b2c-0417-4d5e 04170")
