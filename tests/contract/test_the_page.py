"""The backend of docs/adding-a-gateway.md, word for word, keeps the contract."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from django_dinero.gateways import base
from django_dinero.testing.contract.base import HOOKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-gateway.md"
SCOPE: dict[str, Any] = {"__name__": __name__}
for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
    if "class " in block:
        exec(compile(block, PAGE.name, "exec"), SCOPE)  # noqa: S102 - it is our own page

SUITE = SCOPE["TestMyGateway"]
TESTS = sorted(name for name in dir(SUITE) if name.startswith("test_") and getattr(SUITE, name))


@pytest.mark.parametrize("name", TESTS)
def test_its_backend_keeps_the_contract(name: str) -> None:
    suite = SUITE()
    try:
        wanted = inspect.signature(getattr(suite, name)).parameters
        getattr(suite, name)(*[suite.make_gateway() for _ in wanted])
    except pytest.skip.Exception as skipped:
        assert "override it" in str(skipped)


def test_it_is_held_to_more_than_a_handful() -> None:
    assert len(TESTS) > 15


def test_the_page_names_every_verb_and_every_hook() -> None:
    page = PAGE.read_text()
    for name in (*base.VERBS, *HOOKS, "as_sent", "make_gateway", "good_card"):
        assert re.search(rf"`{name}[`(]", page), name
    for name in ("option_names", "required_card_fields", "max_lengths", "single_currency"):
        assert f"| `{name}`" in page
        assert hasattr(base.Gateway, name)
