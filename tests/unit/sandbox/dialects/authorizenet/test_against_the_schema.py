"""The strict reader and the official schema agree on requests that somebody broke."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lxml import etree

from django_dinero.sandbox.dialects.authorizenet.parse import Malformed, read
from tests.support.authorizenet import Talk, broken


@pytest.mark.parametrize("seed", range(4))
def test_broken_requests(
    talk: Talk, official: etree.XMLSchema, shared_data: Path, seed: int
) -> None:
    """Both accept or both refuse; whatever it is, the reply is one that the schema allows."""
    chance = random.Random(seed)
    files = sorted((shared_data / "authorizenet-requests").glob("*.xml"))
    accepted = 0
    for _ in range(150):
        body = chance.choice(files).read_text("utf-8")
        body = body.replace("<name>L<", "<name>sandbox-login<")
        body = body.replace("<transactionKey>K<", "<transactionKey>sandbox-key<")
        for _ in range(chance.randint(1, 3)):
            body = broken(body, chance)
        data = body.encode()
        try:
            read(data, "text/xml")
            ours = True
        except Malformed:
            ours = False
        assert ours == official.validate(etree.fromstring(data)), body
        accepted += ours
        talk.raw(data)
    assert 0 < accepted < 150
