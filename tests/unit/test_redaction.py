"""Secrets stay hidden on every road out of Python, and scrub() masks what others wrote."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import re
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_dinero.cards import CardDetails, PaymentToken
from django_dinero.redaction import (
    MASK,
    Secret,
    mask_card_numbers,
    scrub,
    secrets_in_play,
    secrets_of,
    without_frames,
)
from tests.support.digits import GROUPINGS, grouped

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
        ("4111.1111.1111.1111", MASK),
        ("x4111111111111111y", "x[secret]y"),
        ("a 4222222222222, b 4111111111111111", "a [secret], b [secret]"),
        ("\uff14" + "\uff11" * 15, MASK),
        ("\u0664" + "\u0661" * 15, MASK),
        ("2026-07-15T10:20:30Z", "2026-07-15T10:20:30Z"),
        ("transaction 120012345678", "transaction 120012345678"),
        ("user:402600012345678900", "user:402600012345678900"),
    ],
    ids=ascii,
)
def test_scrub_masks_card_numbers(text: str, expected: str) -> None:
    assert scrub(text) == expected


def test_scrub_leaves_out_secrets_that_are_none_or_empty() -> None:
    assert scrub("plain", None, Secret(""), Secret(" ")) == "plain"


@pytest.mark.parametrize(
    "text",
    [
        "9137",
        "the value 9137 is wrong",
        "cvv=9137;",
        "'9137'",
        "9137, 9137",
        "code:9137.",
        "<cardCode>9137</cardCode>",
        "invalid (9137)",
    ],
)
def test_a_short_secret_is_masked_where_it_stands_by_itself(text: str) -> None:
    assert scrub(text, Secret("9137")) == text.replace("9137", MASK)


@pytest.mark.parametrize(
    "text", ["19137", "91370", "E009137", "9137.00 USD", "1,9137", "a9137", "0c9137ff", "_9137"]
)
def test_a_short_secret_is_left_in_other_words_and_numbers(text: str) -> None:
    assert scrub(text, Secret("9137")) == text


def test_a_long_secret_is_masked_wherever_it_stands() -> None:
    assert scrub("xthe-long-keyx the-long-key", Secret("the-long-key")) == f"x{MASK}x {MASK}"
    assert scrub("a.*b a.*bcdefgh", Secret("a.*b"), Secret("a.*bcdefgh")) == f"{MASK} {MASK}"


def test_a_part_of_a_longer_secret_does_not_save_it() -> None:
    assert scrub("900-abcdefgh", Secret("900"), Secret("900-abcdefgh")) == MASK


@pytest.mark.parametrize("separator", GROUPINGS.values(), ids=GROUPINGS)
def test_a_secret_number_of_no_known_brand_is_masked_in_groups(separator: str) -> None:
    number = "990011223344"
    assert scrub(f"no {grouped(number, separator)} here", Secret(number)) == f"no {MASK} here"


@pytest.mark.parametrize("length", range(12, 20))
def test_a_secret_number_whose_end_was_cut_off_is_masked(length: int) -> None:
    number = "9900112233445566778"
    assert scrub(f"{number[:length]} was sent", Secret(number)) == f"{MASK} was sent"
    assert scrub(number[:11], Secret(number)) == number[:11]


@given(st.from_regex(r"\A[0-9]{12,19}\Z"), st.text(), st.text())
def test_no_number_gets_through(number: str, before: str, after: str) -> None:
    assert number not in scrub(f"{before}{number}{after}", Secret(number))


def test_no_pattern_keeps_a_secret() -> None:
    number, code = "9900112233445566", "7431"
    scrub(f"{number} {code} a-long-key-of-mine", Secret(number), Secret(code), Secret("a-long-key"))
    kept = " ".join(map(repr, re._cache))  # type: ignore[attr-defined]
    assert not [value for value in (number, code, "a-long-key") if value in kept]


def test_mask_card_numbers_knows_nothing_of_secrets_in_play() -> None:
    with secrets_in_play([Secret("901")]):
        assert mask_card_numbers("901 Main St 4111-1111-1111-1111") == f"901 Main St {MASK}"


# -- Secrets in play -----------------------------------------------------------------------------


def test_secrets_in_play_are_masked_until_the_block_ends() -> None:
    with secrets_in_play([Secret("901")]):
        assert scrub("901") == MASK
        with secrets_in_play([Secret("902")]):
            assert scrub("901 902") == f"{MASK} {MASK}"
        assert scrub("901 902") == f"{MASK} 902"
    assert scrub("901") == "901"


def test_secrets_in_play_end_with_an_exception() -> None:
    with pytest.raises(ValueError, match="x"), secrets_in_play([Secret("901")]):
        raise ValueError("x")
    assert scrub("901") == "901"


def test_secrets_in_play_are_those_of_one_thread() -> None:
    with secrets_in_play([Secret("901")]), ThreadPoolExecutor(1) as pool:
        assert pool.submit(scrub, "901").result() == "901"


def test_the_secrets_of_a_request_and_of_a_call() -> None:
    card = CardDetails(Secret(NUMBER), Secret("901"), 12, 2031)
    token = PaymentToken(Secret("tok"))
    assert list(secrets_of(card)) == [Secret(NUMBER), Secret("901")]
    assert list(secrets_of(partial(print, "x", [card], token))) == [
        *secrets_of(card),
        Secret("tok"),
    ]
    assert list(secrets_of({"number": 1})) == list(secrets_of(CardDetails)) == []


# -- Exceptions that leave ------------------------------------------------------------------------


def test_an_exception_leaves_without_frames_and_chain() -> None:
    def deep(body: str) -> None:
        try:
            raise ValueError(body)
        except ValueError as error:
            raise SystemExit(1) from error

    caught: BaseException | None = None
    try:
        deep(NUMBER)
    except SystemExit as stop:
        caught = without_frames(stop)
    assert isinstance(caught, SystemExit)
    assert caught.code == 1
    assert (caught.__traceback__, caught.__cause__, caught.__context__) == (None, None, None)
