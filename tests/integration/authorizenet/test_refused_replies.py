"""Whatever is asked with wrong keys gets a reply that the official schema accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import SHARED_DATA
from tests.support.authorizenet import posted
from tests.support.witness import Witness

REQUESTS = sorted((SHARED_DATA / "authorizenet-requests").glob("*.xml"))


@pytest.mark.skipif(not REQUESTS, reason="the requests are not beside this checkout")
@pytest.mark.parametrize("path", REQUESTS, ids=[path.stem for path in REQUESTS])
def test_every_operation_refuses_wrong_keys(witness: Witness, path: Path) -> None:
    reply = witness.answer(posted(path.read_bytes()))
    assert b"E00007" in reply.body
