"""Differences: each stands once while it is open, and a person's word ends it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.translation import override

from django_dinero import signals
from django_dinero.db import clock
from django_dinero.exceptions import InvalidInput
from django_dinero.models import Difference, difference_texts
from django_dinero.models.difference import DifferenceKind
from django_dinero.services.reconcile import differences
from django_dinero.services.reconcile.differences import Found
from django_dinero.services.reconcile.findings import Findings
from django_dinero.services.reconcile.phase import Run
from tests.support.frozen import stop_clock
from tests.support.recording import RecordingGateway

pytestmark = pytest.mark.django_db

GHOST = Found(kind=DifferenceKind.MISSING_THERE, subject="60001", text="not in the list")


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """The subjects that receivers are told about."""
    told: list[str] = []

    def receive(signal: Any, difference: Difference, **kwargs: Any) -> None:
        told.append(difference.subject)

    signals.difference_found.connect(receive)
    yield told
    signals.difference_found.disconnect(receive)


def test_what_is_found_twice_is_one_row_and_told_once(
    gateway: RecordingGateway, heard: list[str]
) -> None:
    first = differences.record(gateway, GHOST)
    again = differences.record(gateway, replace(GHOST, text="still not in the list"))
    assert first.pk == again.pk
    assert (again.times_seen, again.text, heard) == (2, "still not in the list", ["60001"])


def test_another_kind_or_subject_is_another_difference(gateway: RecordingGateway) -> None:
    differences.record(gateway, GHOST)
    differences.record(gateway, replace(GHOST, subject="60002"))
    differences.record(gateway, replace(GHOST, kind=DifferenceKind.AMOUNT))
    assert Difference.objects.count() == 3


def test_one_that_is_not_found_again_is_resolved_and_may_come_back(
    gateway: RecordingGateway, heard: list[str]
) -> None:
    differences.record(gateway, GHOST)
    assert differences.resolve(differences.open_ones(gateway)) == 1
    assert Difference.objects.get().state == "resolved"
    differences.record(gateway, GHOST)
    assert [row.state for row in Difference.objects.order_by("pk")] == ["resolved", "open"]
    assert heard == ["60001", "60001"]


def test_a_person_closes_it_with_an_explanation(gateway: RecordingGateway) -> None:
    row = differences.record(gateway, GHOST)
    with pytest.raises(InvalidInput, match="note"):
        row.close(note="", by="Ann")
    row.close(note="Made by hand in the gateway's pages.", by="Ann")
    assert (row.state, row.closed_by) == ("closed", "Ann")
    assert row.note == "Made by hand in the gateway's pages."
    with pytest.raises(InvalidInput, match="closed by hand"):
        row.close(note="again", by="Ann")


def test_the_times_are_the_databases(
    gateway: RecordingGateway, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is compared with the times of other rows, whatever the clock of this machine says."""
    stop_clock(monkeypatch, datetime(2001, 1, 1, tzinfo=UTC))
    begin = clock.now("default")
    row = differences.record(gateway, GHOST)
    assert row.first_seen_at == row.last_seen_at
    again = differences.record(gateway, GHOST)
    assert begin <= again.first_seen_at <= again.last_seen_at
    again.close(note="moved", by="Ann")
    assert again.ended_at is not None
    assert begin <= again.ended_at
    differences.record(gateway, GHOST)
    differences.resolve(differences.open_ones(gateway))
    resolved = Difference.objects.get(state="resolved")
    assert resolved.ended_at is not None
    assert begin <= resolved.ended_at <= clock.now("default")


def test_what_a_gateway_says_is_stored_without_card_numbers(gateway: RecordingGateway) -> None:
    row = differences.record(gateway, replace(GHOST, text="see 4111111111111111"))
    assert "4111" not in row.text


def test_a_card_number_that_is_somebodys_id_does_not_stand_in_the_subject(
    gateway: RecordingGateway,
) -> None:
    """Two of them are two differences, and what explains one explains nothing of the other."""
    kind = DifferenceKind.VAULT_ONLY_HERE
    both = [
        Found(kind=kind, subject=f"customer:{number}", text="gone", customer_id=number)
        for number in ("4111111111111111", "5555555555554444")
    ]
    findings = Findings(Run(gateway, datetime.now(UTC)))
    for found in (*both, both[0]):
        findings.add(found)
    rows = Difference.objects.order_by("pk")
    assert [(row.subject, row.times_seen) for row in rows] == [
        ("customer:[secret]", 2),
        ("customer:[secret]", 1),
    ]
    rows[0].close(note="moved", by="Ann")
    for found in both:
        findings.add(found)
    assert [(row.state, row.times_seen) for row in rows.all()] == [("closed", 2), ("open", 2)]


@pytest.mark.parametrize("reason", difference_texts.TEXTS)
@pytest.mark.parametrize("language", ["de", "es", "fr"])
def test_every_reason_has_a_sentence_in_every_language(reason: str, language: str) -> None:
    names = re.findall(r"%\((\w+)\)s", str(difference_texts.TEXTS[reason]))
    facts = {name: f"<{name}>" for name in names if not name.startswith("status_")}
    facts |= {"kind": "authorization"} if "kind" in facts else {}
    english = difference_texts.english(reason, facts, here="voided", there="settled")
    with override(language):
        row = Difference(
            reason=reason, facts=facts, text=english, status_here="voided", status_there="settled"
        )
        assert row.shown_text not in ("", english)
    for fact in facts.values():
        assert fact in english


def test_of_another_release_the_text_is_shown_as_it_is() -> None:
    for reason, facts in (("of_tomorrow", {}), ("unknown_key", {"its_id": "1"})):
        assert Difference(reason=reason, facts=facts, text="as it was").shown_text == "as it was"


def test_facts_are_stored_without_card_numbers(gateway: RecordingGateway) -> None:
    facts = {"id": "4111111111111111", "key": "K"}
    found = replace(GHOST, text="", reason="unknown_key", facts=facts)
    row = differences.record(gateway, found)
    row.refresh_from_db()
    assert "4111111111111111" not in f"{row.facts} {row.text} {row.shown_text}"
