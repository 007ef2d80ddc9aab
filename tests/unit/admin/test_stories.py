"""Every operation in every state has a story, and no story promises what nobody knows."""

from __future__ import annotations

import pytest
from django.utils import translation

from django_dinero.admin.stories import story_of
from django_dinero.models import Operation
from django_dinero.models.operation import CHARGES, MONEY_KINDS, OperationKind, OperationState

#: States in which money may have moved, or may still move.
UNCERTAIN = {
    OperationState.SENT,
    OperationState.UNKNOWN,
    OperationState.HELD,
    OperationState.REQUIRES_ACTION,
    OperationState.NEEDS_ATTENTION,
}


@pytest.mark.parametrize("state", OperationState)
def test_each_has_one(state: OperationState) -> None:
    for kind in OperationKind:
        story = story_of(Operation(kind=kind, state=state))
        assert all(str(text).endswith(".") for text in (story.happened, story.todo)), kind
        assert bool(story.money) is (kind in MONEY_KINDS), kind
        if kind in MONEY_KINDS and state in UNCERTAIN:
            assert "Do not do it again." in f"{story.money} {story.todo}", kind
            assert not story.calm, kind


@pytest.mark.parametrize("kind", MONEY_KINDS)
def test_another_card_helps_a_charge_alone(kind: OperationKind) -> None:
    story = story_of(Operation(kind=kind, state=OperationState.DECLINED))
    assert ("another card" in str(story.todo)) is (kind in CHARGES)


def test_the_recipe_names_the_rows_own_gateway() -> None:
    row = Operation(
        kind=OperationKind.CHARGE, state=OperationState.NEEDS_ATTENTION, gateway_name="live"
    )
    command = "“manage.py dinero_sync --transaction ID --gateway live”"
    assert command in str(story_of(row).todo)
    for language in ("de", "es", "fr"):
        with translation.override(language):
            assert "dinero_sync --transaction ID --gateway live" in str(story_of(row).todo)
