"""Secrets stay hidden on every road out of Python, and scrub() masks what others wrote."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_dinero.redaction import MASK, Secret, scrub

NUMBER = "4111111111111111"


@pytest.fixture
def secret() -> Secret:
    return Secret(NUMBER)


def test_reveal_gives_the_text_back(secret: Secret) -> None:
    assert secret.reveal() == NUMBER
    assert Secret(secret).reveal() == NUMBER
    assert Secret("").reveal() == ""


@pytest.mark.parametrize("wrong", [None, 4111111111111111, b"4111", 1.0, ["4111"]])
def test_a_secret_is_made_of_text_only(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^A secret is a str\.$") as caught:
        Secret(wrong)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    assert not {"text", "value"} & set(frames[-1].locals or ())


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>40}".format, "%s".__mod__, ascii])
def test_every_way_to_show_it_gives_the_mask(secret: Secret, show: Any) -> None:
    assert show(secret).strip() == MASK == "[secret]"
    assert f"{secret:>99}" == MASK


def test_containers_and_logs_show_the_mask(
    secret: Secret, caplog: pytest.LogCaptureFixture
) -> None:
    assert repr([secret, {"number": secret}]) == "[[secret], {'number': [secret]}]"
    logging.getLogger("tests").warning("card %s %r", secret, [secret])
    assert caplog.messages == ["card [secret] [[secret]]"]


@pytest.mark.parametrize(
    "leak",
    [pickle.dumps, copy.copy, copy.deepcopy, lambda s: pickle.dumps([s], 0)],
    ids=["pickle", "copy", "deepcopy", "pickle 0"],
)
def test_it_cannot_be_copied_or_pickled(secret: Secret, leak: Any) -> None:
    with pytest.raises(TypeError, match="cannot be copied, pickled or serialized"):
        leak(secret)


def test_it_cannot_be_serialized_as_json(secret: Secret) -> None:
    with pytest.raises(TypeError):
        json.dumps({"number": secret})


def test_it_has_no_dict_and_cannot_be_changed(secret: Secret) -> None:
    with pytest.raises(TypeError):
        vars(secret)
    with pytest.raises(AttributeError, match=r"^A secret cannot be changed\.$"):
        secret.reveal = lambda: "other"
    with pytest.raises(AttributeError):
        secret.other = 1
    assert secret.reveal() == NUMBER


def test_a_traceback_with_locals_shows_the_mask(secret: Secret) -> None:
    def fail(number: Secret) -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError) as caught:
        fail(secret)
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    assert MASK in shown
    assert NUMBER not in shown


def test_truth_and_length() -> None:
    assert bool(Secret("0")) is True
    assert bool(Secret("")) is False
    assert len(Secret("900")) == 3


@given(st.text(), st.text())
def test_equality_and_hash_are_those_of_the_text(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)
    assert (Secret(one) != Secret(other)) is (one != other)
    assert hash(Secret(one)) == hash(Secret(str(one)))


def test_a_secret_is_not_equal_to_its_text(secret: Secret) -> None:
    assert secret != NUMBER
    assert secret in {Secret(NUMBER): 1}


def test_lone_surrogates_compare() -> None:
    assert Secret("\ud800") == Secret("\ud800")
    assert Secret("\ud800") != Secret("\ud801")


# -- scrub() ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Invalid card 4111111111111111.", "Invalid card [secret]."),
        ("4111 1111 1111 1111", MASK),
        ("4111-1111-1111-1111", MASK),
        ("123456789012", MASK),
        ("12345678901", "12345678901"),
        ("x123456789012y", "x[secret]y"),
        ("1" * 40, MASK),
        ("1234 5678 9012", MASK),
        ("1234  5678  9012", "1234  5678  9012"),
        ("4111.1111.1111.1111", "4111.1111.1111.1111"),
        ("a 123456789012, b 4111111111111111", "a [secret], b [secret]"),
        ("\uff14" + "\uff11" * 15, MASK),
        ("\u0664" + "\u0661" * 15, MASK),
        ("2026-07-15T10:20:30Z", "2026-07-15T10:20:30Z"),
    ],
    ids=ascii,
)
def test_scrub_masks_long_runs_of_digits(text: str, expected: str) -> None:
    assert scrub(text) == expected


def test_scrub_masks_the_given_secrets_wherever_they_stand() -> None:
    text = "cvv 900 of key s3cret: s3cret900"
    assert scrub(text, Secret("900"), Secret("s3cret")) == (
        "cvv [secret] of key [secret]: [secret][secret]"
    )


def test_scrub_leaves_out_secrets_that_are_none_or_empty() -> None:
    assert scrub("plain", None, Secret("")) == "plain"


@given(st.from_regex(r"\A[0-9]{12,19}\Z"), st.text(), st.text())
def test_no_number_gets_through(number: str, before: str, after: str) -> None:
    assert number not in scrub(f"{before}{number}{after}")
