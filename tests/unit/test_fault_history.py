"""The history of a fault run: what was told is there, and no number is in it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.faults import history
from tests.faults.history import History
from tests.faults.network import told

CARD_ID, KEY = "922500001", "K2FQ7WXA3MNBVC4ERTYU"
REQUEST = b"""<createCustomerPaymentProfileRequest xmlns="x"><merchantAuthentication>
<name>login</name><transactionKey>sandbox-key</transactionKey></merchantAuthentication>
<refId>K2FQ7WXA3MNBVC4ERTYU</refId><customerProfileId>900000001</customerProfileId>
<creditCard><cardNumber>4111111111111111</cardNumber><expirationDate>2035-12</expirationDate>
<cardCode>123</cardCode></creditCard><defaultPaymentProfile>true</defaultPaymentProfile>"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def test_two_tellers_write_one_file(path: Path) -> None:
    worker, bank = History(path, "w0"), History(path, "bank")
    worker.tell("begun", verb="charge")
    bank.tell("request", root="createTransactionRequest")
    worker.tell("ended", verb="charge", result="ok")
    assert history.repeatable(history.read(path)) == [
        {"who": "w0", "what": "begun", "verb": "charge"},
        {"who": "bank", "what": "request", "root": "createTransactionRequest"},
        {"who": "w0", "what": "ended", "verb": "charge", "result": "ok"},
    ]


def test_what_was_told_survives_a_kill(path: Path) -> None:
    child = os.fork()
    if child == 0:
        History(path, "w0").tell("begun", verb="void")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    (event,) = history.read(path)
    assert event["what"] == "begun"


def test_times_alone_are_left_out_of_a_comparison() -> None:
    first, second = {"at": 1.0, "who": "w0", "n": 1}, {"at": 2.0, "who": "w0", "n": 1}
    assert history.repeatable([first]) == history.repeatable([second])
    assert history.repeatable([first]) != history.repeatable([{**second, "n": 2}])


def test_a_number_that_slips_in_is_masked(path: Path) -> None:
    History(path, "w0").tell("begun", number="4111111111111111", card_id=CARD_ID)
    assert "4111" not in path.read_text()
    (event,) = history.read(path)
    assert event["card_id"] == CARD_ID


def test_of_a_request_only_harmless_elements_are_told() -> None:
    assert told(REQUEST) == f"refId={KEY} customerProfileId=900000001 defaultPaymentProfile=true"


def test_the_masked_number_of_a_stored_card_is_told() -> None:
    assert told(b"<cardNumber>XXXX1111</cardNumber>") == "cardNumber=XXXX1111"


def test_what_happened_is_counted() -> None:
    events = [
        {"what": "request", "fault": "drop_after"},
        {"what": "request", "fault": ""},
        {"what": "kill", "when": "before write"},
        {"what": "batch settled"},
    ]
    assert history.counts(events) == {
        **{"requests": 2, "drop_after": 1},
        **{"killed before write": 1, "batch settled": 1},
    }


def test_a_difference_has_the_story_of_its_ids() -> None:
    mine = [
        {"at": 1, "who": "w0", "what": "begun", "n": 1, "card_id": CARD_ID},
        {"at": 2, "who": "bank", "of": "w0", "what": "request", "n": 4, "told": f"refId={KEY}"},
        {"at": 3, "who": "bank", "of": "w0", "what": "kill", "n": 4},
        {"at": 4, "who": "w0", "what": "ended", "n": 1},
    ]
    others = [
        {"at": 5, "who": "w0", "what": "begun", "n": 2, "card_id": CARD_ID + "0"},
        {"at": 6, "who": "bank", "of": "w1", "what": "request", "n": 4},
    ]
    story = history.about(f"differs: card {CARD_ID} ({KEY})", [*others, *mine])
    assert [json.loads(line) for line in story] == mine


def test_a_list_of_everything_is_no_story() -> None:
    ids = " ".join(f"transId={75000000000 + n}" for n in range(20))
    event = {"at": 1, "who": "bank", "of": "w0", "n": 1, "told": ids}
    assert history.about("lost: 75000000003", [event]) == []


def test_a_crash_has_the_story_of_its_worker() -> None:
    events = [{"at": n, "who": f"w{n}", "n": 1} for n in range(3)]
    assert [json.loads(line) for line in history.about("crashed: w1", events)] == events[1:2]


def test_a_story_has_an_end() -> None:
    events = [{"at": n, "who": "w0", "n": n, "card_id": CARD_ID} for n in range(500)]
    story = history.about(f"lost: {CARD_ID}", events)
    assert len(story) == history.SHOWN
    assert json.loads(story[-1])["n"] == 499
