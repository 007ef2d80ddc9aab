"""The strict reader and the official schema agree on requests that somebody broke."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from lxml import etree

from django_dinero.sandbox.dialects.authorizenet.parse import Malformed, read
from tests.support.authorizenet import VISA, Talk

VALUES = (
    *("", "0", "-1", "1e5", "9" * 23, "abc", VISA, "XXXX", "2040-12", "true", "é", "1.005"),
    *(" 5 ", "\n", "46282", "+7", "1" * 400),
)
_ELEMENT = re.compile(r"<(\w+)>([^<]*)</\1>")


def broken(body: str, chance: random.Random) -> str:
    """Change, drop, repeat or move one element of a request; credentials stay."""
    found = [one for one in _ELEMENT.finditer(body) if one[1] not in ("name", "transactionKey")]
    if not found:
        return body
    one, other = chance.choice(found), chance.choice(found)
    return chance.choice(
        (
            body[: one.start(2)] + chance.choice(VALUES) + body[one.end(2) :],
            body[: one.start()] + body[one.end() :],
            body[: one.end()] + one[0] + body[one.end() :],
            body[: other.start()] + one[0] + body[other.start() :],
        )
    )


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
