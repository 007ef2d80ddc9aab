"""Keys that we choose, digests that do not depend on order, fingerprints that need the key."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import os
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_dinero.identifiers import (
    KEY_LENGTH,
    address_key,
    address_keys,
    derived_key,
    digest,
    earlier_derived_keys,
    fingerprint,
    is_fingerprint_of,
    key_after,
    new_key,
)


def test_a_key_fits_every_gateway() -> None:
    key = new_key()
    assert len(key) == KEY_LENGTH == 20
    assert set(key) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def test_a_derived_key_is_that_of_its_texts(settings: Any) -> None:
    key = derived_key("user:7", "order-1042")
    assert derived_key("user:7", "order-1042") == key
    assert len(key) == KEY_LENGTH
    assert set(key) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    others = {derived_key("user:70", "rder-1042"), derived_key("user:7", "order-1043")}
    settings.SECRET_KEY = "another"
    assert len({key, *others, derived_key("user:7", "order-1042")}) == 4


def test_what_stands_for_an_address_needs_the_secret(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old", []
    key = address_key("Ann@Example.com")
    assert key == address_key("ann@example.com") != address_key("anne@example.com")
    assert address_keys("ANN@example.com") == [key]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["old"]
    assert address_key("ann@example.com") != key
    assert address_keys("ann@example.com") == [address_key("ann@example.com"), key]


def test_what_was_derived_before_the_secret_changed_is_known(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old", []
    key, mark = derived_key("", "order-1042"), fingerprint({"a": 1})
    after = key_after("a", key)
    assert earlier_derived_keys("", "order-1042") == []
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["between", b"old"]
    assert key in earlier_derived_keys("", "order-1042")
    assert is_fingerprint_of(mark, {"a": 1})
    assert is_fingerprint_of(fingerprint({"a": 1}), {"a": 1})
    assert not is_fingerprint_of(mark, {"a": 2})
    assert key_after("a", key) == after != key_after("b", key)
    assert len(after) == KEY_LENGTH
    settings.SECRET_KEY_FALLBACKS = []
    assert not is_fingerprint_of(mark, {"a": 1})


def test_keys_do_not_repeat() -> None:
    assert len({new_key() for _ in range(1000)}) == 1000


def test_a_key_is_made_of_the_systems_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def urandom(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size

    monkeypatch.setattr(os, "urandom", urandom)
    assert new_key() == "7" * 20
    assert asked[0] * 8 >= 100


def test_digest_does_not_depend_on_the_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_digest_is_the_sha_256_of_the_canonical_json() -> None:
    text = '{"amount": "5.00", "when": "2026-01-02"}'
    values = {"when": datetime.date(2026, 1, 2), "amount": Decimal("5.00")}
    assert digest(values) == hashlib.sha256(text.encode()).hexdigest()


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
    st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
)
def test_other_values_have_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (digest(one) == digest(other)) is (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


def test_a_digest_takes_any_text() -> None:
    assert len(digest({"name": "\u00e4\U0001f600\ud800"})) == 64


def test_a_fingerprint_needs_the_key(settings: Any) -> None:
    values = {"number": "4111111111111111"}
    first = fingerprint(values)
    assert len(bytes.fromhex(first)) == 16
    assert first == fingerprint(dict(values))
    assert first != digest(values)
    assert first != fingerprint({"number": "4111111111111112"})
    settings.SECRET_KEY = "another"
    assert first != fingerprint(values)


def test_fingerprints_keep_their_value_between_releases(settings: Any) -> None:
    settings.SECRET_KEY = "fixed"
    key = hashlib.sha256(b"django_dinero.fingerprint" + b"fixed").digest()
    text = hashlib.sha256(b'{"a": 1}').hexdigest()
    assert fingerprint({"a": 1}) == hmac.new(key, text.encode(), "sha256").hexdigest()[:32]
    assert fingerprint({"a": 1}).startswith("c4b73723699d3b6e")


def test_a_secret_key_may_be_bytes(settings: Any) -> None:
    settings.SECRET_KEY = "one"
    as_text = fingerprint({"amount": "5"})
    settings.SECRET_KEY = b"one"
    assert fingerprint({"amount": "5"}) == as_text
