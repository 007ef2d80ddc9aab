"""docs/api.md: every request gets the answer that stands below it, and no route is left out."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from django.test import Client

from django_dinero import throttle_rates
from django_dinero.api import parsers
from django_dinero.api.urls import urlpatterns
from tests.integration.api.calling import user_with
from tests.support import contract_of_the_api
from tests.support.recording import RecordingGateway

PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"

pytestmark = pytest.mark.django_db

#: What differs from one run to the next: ids, keys, authorization codes, times, cursors.
ONE_OF_MANY = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=\")[A-Z2-7]{20}(?=\")|(?<=operations/)[A-Z2-7]{20}|\d{9,11}"
)
OF_THE_RUN = re.compile(
    r"(?<=\"auth_code\": \")\w{6}|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)|(?<=cursor=)\w+"
    r"|(?<=/_action/)\w+|https?://[\w.:]+"
)


class Example(NamedTuple):
    """A request of the page, and what is said to come of it."""

    method: str
    path: str
    user: str
    headers: dict[str, str]
    body: str
    status: int
    answer_headers: dict[str, str]
    answer: str


def examples() -> Iterator[Example]:
    """The blocks of the page that begin with curl."""
    for block in re.findall(r"```console\n\$ (.*?)```", PAGE.read_text(), re.DOTALL):
        command, _http, answer = block.partition("HTTP/1.1 ")
        head, _blank, text = answer.partition("\n\n")
        status, *lines = head.strip().split("\n")
        words = iter(shlex.split(command))
        given: dict[str, Any] = {}
        headers: dict[str, str] = {}
        for word in words:
            if word == "-H":
                name, value = next(words).split(": ")
                headers[name] = value
            elif word in ("-u", "-X", "--json"):
                given[word] = next(words)
            elif word.startswith("http"):
                given["url"] = word
        address = urlsplit(given["url"])
        yield Example(
            method=given.get("-X", "POST" if "--json" in given else "GET"),
            path=f"{address.path}?{address.query}",
            user=given["-u"].partition(":")[0],
            headers=headers,
            body=given.get("--json", ""),
            status=int(status.split()[0]),
            answer_headers=dict(line.split(": ") for line in lines),
            answer=text,
        )


def send(example: Example, ids: dict[str, str]) -> Any:
    """Send a request of the page, with the ids of this run."""
    sign_in = base64.b64encode(f"{example.user}:{example.user}".encode()).decode()
    address = ONE_OF_MANY.sub(lambda found: ids.get(found[0], found[0]), example.path)
    response = Client().generic(
        example.method,
        address,
        example.body,
        content_type="application/json",
        headers={**example.headers, "Authorization": f"Basic {sign_in}"},
        secure=True,
    )
    contract_of_the_api.check(example.method, address, example.headers, example.body, response)
    return response


@pytest.mark.slow
def test_every_request_gets_the_answer_below_it(gateway: RecordingGateway) -> None:
    for name, fields in (("bill", {}), ("demo", {"is_staff": True, "is_superuser": True})):
        user_with(name, password=name, **fields)
    ids: dict[str, str] = {}
    found = list(examples())
    for example in found:
        response = send(example, ids)
        assert response.status_code == example.status, (example, response.content)
        shown = json.dumps(json.loads(response.content)) if response.content else ""
        said = json.dumps(json.loads(example.answer)) if example.answer else ""
        ids.update(zip(ONE_OF_MANY.findall(said), ONE_OF_MANY.findall(shown), strict=True))
        said = ONE_OF_MANY.sub(lambda match: ids[match[0]], said)
        assert OF_THE_RUN.sub("*", shown) == OF_THE_RUN.sub("*", said), example
        for header in ("Idempotency-Replayed", "Retry-After"):
            assert response.headers.get(header) == example.answer_headers.get(header), example
        address = OF_THE_RUN.sub("*", response.headers.get("Location", ""))
        told = OF_THE_RUN.sub("*", example.answer_headers.get("Location", ""))
        assert address == ONE_OF_MANY.sub(lambda match: ids[match[0]], told), example
    assert len(found) > 15


def routes() -> set[str]:
    """The routes that are served, as the page writes them."""
    patterns: list[Any] = list(urlpatterns)
    served = set()
    for pattern in patterns:
        actions: dict[str, str] = getattr(pattern.callback, "actions", {})
        path = re.sub(r"\(\?P<(\w+)>(?:\([^)]*\)|\[[^]]*\]|[^)])+\)", r"{\1}", str(pattern.pattern))
        methods = {method.upper() for method in actions} - {"HEAD"}
        served |= {f"{method} {path.strip('^$')}" for method in methods}
    return served


def test_the_page_has_every_route_and_no_other() -> None:
    assert len(routes()) == 31
    assert set(re.findall(r"^\| `([A-Z]+ [^`]+)`", PAGE.read_text(), re.MULTILINE)) == routes()


def test_what_the_page_says_of_limits_is_so() -> None:
    page = PAGE.read_text()
    assert f"over {parsers.MAX_BODY // 1024} KiB" in page
    for scope, rate in throttle_rates.DEFAULTS.items():
        assert f"| `{scope}` | {rate} |" in page
