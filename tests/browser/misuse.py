"""Calls every verb of a served API, right and wrong, with a card number wherever one can stand."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from tests.support.digits import grouped

JSON = "application/json"
#: Headers that a client chooses.
HEADERS = ("Idempotency-Key", "User-Agent", "Referer", "Accept-Language", "X-Request-Id", "Cookie")
#: A body's text, by what is wrong with it; %s is the number.
BODIES = {
    "cut off": '{"number": "%s", "cvv": "0417"',
    "garbage": '{"number": "%s"}}',
    "list": '["%s"]',
    "text": '"%s"',
    "name": '{"%s": "1"}',
    "nested": '{"card": {"number": "%s", "cvv": "0417"}}',
    "list in a field": '{"number": ["%s", "0417"]}',
    "single quotes": "{'number': '%s'}",
    "twice": '{"number": "%s", "number": "1"}',
    "no text": '{"number": "\\ud800%s"}',
}


class Api:
    """The API of a site, called by somebody who may do everything.

    Args:
        url: scheme, host and port.
        name: of the user; the password is the same.
        schema: the OpenAPI document.
        ids: what stands for the parameters of a path, by the path's first part.
    """

    def __init__(self, url: str, name: str, schema: Mapping[str, Any], ids: Mapping[str, str]):
        self.schema, self.ids, self.host = schema, ids, urlsplit(url).netloc
        self.signed_in = {
            "Authorization": "Basic " + base64.b64encode(f"{name}:{name}".encode()).decode()
        }
        #: How many answers had which status.
        self.statuses: dict[int, int] = {}
        self._connection = http.client.HTTPConnection(self.host, timeout=30)
        self._keys = 0

    def call(
        self, method: str, path: str, body: Any = None, kind: str = JSON, **headers: str
    ) -> tuple[int, bytes]:
        """Send one request; return the status and the body of its answer."""
        self._keys += 1
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        own = {"Idempotency-Key": f"misuse-{self._keys:06}", "Content-Type": kind}
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        self._connection.request(method, path, raw, {**self.signed_in, **own, **given})
        answer = self._connection.getresponse()
        text = answer.read()
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        return answer.status, text

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Each method and path of the schema, with real ids, and its description."""
        for path, item in self.schema["paths"].items():
            for method, operation in item.items():
                yield method.upper(), self._with_ids(path), operation

    def fields(self, operation: Mapping[str, Any]) -> list[str]:
        """The names of the fields that a request's body may have."""
        names: set[str] = set()
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for each in content["schema"].get("anyOf", [content["schema"]]):
                name = each["$ref"].rpartition("/")[2]
                names |= set(self.schema["components"]["schemas"][name]["properties"])
        return sorted(names)

    def _with_ids(self, path: str) -> str:
        head, brace, tail = path.partition("{")
        if not brace:
            return path
        return head + self.ids[head.split("/")[2]] + tail.partition("}")[2]


def misuse(api: Api, number: str) -> None:
    """Put a number where none belongs, everywhere; and into the search of every list."""
    spaced, dashed = grouped(number, " "), grouped(number, "-")
    for method, path, operation in [*api.operations()]:
        if method == "DELETE":
            continue  # the row is needed
        for name in api.fields(operation):
            api.call(method, path, {name: dashed if name != "number" else number + "0"})
        _in_the_address(api, method, path, operation, number, spaced)
        if "requestBody" in operation:
            _in_bodies(api, method, path, number)
        for header in HEADERS:
            api.call(method, path, {"unknown": "x"}, **{header.replace("-", "_"): spaced})
        api.call("PUT", path, {"number": number, "cvv": "0417"})
        api.call("OPTIONS", path, {"number": number, "cvv": "0417"})
    # Not as a user's name: who signs in how is the project's.
    wrong = base64.b64encode(f"nobody:{number}".encode()).decode()
    api.call("GET", "/api/cards/", Authorization=f"Basic {wrong}")
    api.call("GET", "/api/cards/", Authorization=f"Token {number}")


def _in_the_address(
    api: Api, method: str, path: str, operation: Mapping[str, Any], number: str, spaced: str
) -> None:
    names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    # A gateway may have ids like a card's number, so those are looked for.
    names = [name for name in names if not name.endswith("_id")]
    for name in (*names, "number", "search", "format"):
        api.call(method, f"{path}?{name}={quote(spaced)}", {"unknown": "x"})
    api.call(method, f"{path}?{number}=1&cvv=0417&token={number}", {"unknown": "x"})
    api.call(method, f"{path}?x={quote(quote(spaced))}", {"unknown": "x"})
    api.call(method, f"{path}{number}/", {"unknown": "x"})
    for first, known in api.ids.items():
        if path.startswith(f"/api/{first}/{known}"):
            api.call(method, path.replace(known, quote(spaced)), {"unknown": "x"})


def _in_bodies(api: Api, method: str, path: str, number: str) -> None:
    for text in BODIES.values():
        api.call(method, path, (text % number).encode("utf-8", "surrogatepass"))
    form = urllib.parse.urlencode({"number": number, "cvv": "0417"}).encode()
    api.call(method, path, form, "application/x-www-form-urlencoded")
    api.call(method, path, form, f"text/{number}")
    api.call(method, path, f'{{"number": "{number}"}}'.encode("utf-16"))
    api.call(method, path, json.dumps({"number": number}).encode().ljust(1 << 17))
