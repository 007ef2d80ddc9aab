"""Holds every request and answer of the API's tests against its OpenAPI schema.

It is stricter than the schema that is published: an answer may have no field that is not declared.
"""

from __future__ import annotations

import copy
import datetime
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.http import HttpResponse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.settings import patched_settings
from jsonschema import Draft202012Validator, FormatChecker

from django_dinero.api.openapi.problems import codes_after

Schema = dict[str, Any]

#: Headers that say something of this API's; any other is Django's or the server's.
HEADERS = ("Location", "Retry-After", "Idempotency-Replayed")
#: A server's own page, of a fault that a test has planted.
SERVER_ERROR = 500

formats = FormatChecker(formats=())


def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(uuid.UUID(value)) == value


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.date.fromisoformat(value))


def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return datetime.datetime.fromisoformat(value).tzinfo is not None


def _is_address(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


formats.checks("uuid", raises=ValueError)(_is_uuid)
formats.checks("date", raises=ValueError)(_is_date)
formats.checks("date-time", raises=ValueError)(_is_time)
formats.checks("uri")(_is_address)


def generate(version: str = "3.1.1", *, urlconf: Any = "tests.urls", **settings: Any) -> Schema:
    """Return the schema of a project; a warning of drf-spectacular's is a failure."""
    GENERATOR_STATS.reset()
    with patched_settings({"OAS_VERSION": version, **settings}), GENERATOR_STATS.silence():
        made = SchemaGenerator(urlconf=urlconf).get_schema(request=None, public=True)
        found = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    assert found == []
    schema: Schema = json.loads(OpenApiJsonRenderer().render(made))
    return schema


class Contract:
    """The schema, ready to be held against a call."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.paths = [(_pattern(path, item), item) for path, item in schema["paths"].items()]
        self.strict = copy.deepcopy(schema["components"])
        for each in self.strict["schemas"].values():
            if each.get("type") == "object":
                each.setdefault("additionalProperties", False)
        self._validators: dict[int, Draft202012Validator] = {}

    def operation(self, method: str, path: str) -> Schema | None:
        """The operation of a call; None where there is no such path or method."""
        for pattern, item in self.paths:
            if pattern.fullmatch(path):
                found: Schema | None = item.get(method.lower())
                return found
        return None

    def knows(self, path: str) -> bool:
        """Whether there is such a path, for any method."""
        return any(pattern.fullmatch(path) for pattern, _item in self.paths)

    def faults(self, schema: Schema, value: Any) -> list[str]:
        """What is wrong with a value."""
        if id(schema) not in self._validators:
            whole = {**schema, "components": self.strict}
            self._validators[id(schema)] = Draft202012Validator(whole, format_checker=formats)
        return [_told(each) for each in self._validators[id(schema)].iter_errors(value)]


def _pattern(path: str, item: Schema) -> re.Pattern[str]:
    """What matches the addresses of a path, with ids of the right form."""
    [*parameters] = next(iter(item.values())).get("parameters", ())
    forms = {each["name"]: each["schema"] for each in parameters if each["in"] == "path"}
    for name, form in forms.items():
        if form["type"] == "integer":
            value = "[1-9][0-9]{0,17}"
        else:
            value = form.get("pattern", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")[1:-1]
        path = path.replace(f"{{{name}}}", value)
    return re.compile(path)


def _told(error: Any) -> str:
    inner = [_told(each) for each in error.context or ()]
    return f"{error.json_path}: {error.message}" + (f" ({'; '.join(inner)})" if inner else "")


@cache
def contract() -> Contract:
    """The contract of the tests' own routes, made once in a process: see the API's conftest."""
    return Contract(generate())


def check(method: str, address: str, headers: Mapping[str, str], body: Any, response: Any) -> None:
    """Fail where a call or its answer is not as the schema says.

    Args:
        method: of the request.
        address: with its query.
        headers: of the request.
        body: the text that was sent.
        response: what came of it.
    """
    path, _mark, query = address.partition("?")
    found = contract()
    wrong = list(_wrong(found, method, path, query, headers, body, response))
    assert wrong == [], (method, address, response.status_code, wrong, response.content)


def _wrong(
    found: Contract,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: Any,
    response: HttpResponse,
) -> Iterator[str]:
    status = response.status_code
    if not found.knows(path) or method == "HEAD" or status == SERVER_ERROR:
        return
    operation = found.operation(method, path)
    if operation is None:
        if status != 405:
            yield "a method that the schema does not have"
        return
    answer = operation["responses"].get(str(status))
    if answer is None:
        yield "a status that the schema does not have"
        return
    yield from _wrong_answer(found, operation, answer, response)
    is_done = status < 300 and status != 202
    if is_done:
        yield from _wrong_request(found, operation, query, headers, body)


def _wrong_answer(
    found: Contract, operation: Schema, answer: Schema, response: HttpResponse
) -> Iterator[str]:
    for name in HEADERS:
        declared = answer.get("headers", {}).get(name)
        given = response.headers.get(name)
        if given is None:
            continue
        if declared is None:
            yield f"a header that the schema does not have: {name}"
        else:
            value = int(given) if declared["schema"]["type"] == "integer" else given
            yield from found.faults(declared["schema"], value)
    if "content" not in answer:
        if response.content:
            yield "a body where the schema has none"
        return
    [(kind, content)] = answer["content"].items()
    if response.headers["Content-Type"] != kind:
        yield f"another type: {response.headers['Content-Type']}"
        return
    shown = json.loads(response.content)
    yield from found.faults(content["schema"], shown)
    success = min(int(code) for code in operation["responses"] if code != "202")
    if "code" in shown and shown["code"] not in codes_after(success, response.status_code):
        yield f"a code that this status does not have: {shown['code']}"


def _wrong_request(
    found: Contract, operation: Schema, query: str, headers: Mapping[str, str], body: Any
) -> Iterator[str]:
    """What was taken, although the schema does not say so."""
    declared = {(each["in"], each["name"]): each for each in operation.get("parameters", ())}
    sent = [("query", name, value) for name, value in parse_qsl(query, keep_blank_values=True)]
    sent += [("header", name, value) for name, value in headers.items()]
    for where, name, value in sent:
        parameter = declared.get((where, name))
        if parameter is None:
            # What means nothing here is no fault of the request. A list refuses it.
            if where == "query" and name != "format" and ("query", "cursor") in declared:
                yield f"a parameter that the schema does not have: {name}"
            continue
        yield from found.faults(parameter["schema"], _read(parameter["schema"], value))
    for (where, name), parameter in declared.items():
        if where == "header" and parameter.get("required") and name not in headers:
            yield f"without {name}"
    yield from _wrong_body(found, operation, body)


def _read(schema: Schema, value: str) -> Any:
    """A parameter as its type has it."""
    kind = schema.get("type")
    if kind == "integer":
        return int(value)
    return {"true": True, "false": False}[value] if kind == "boolean" else value


def _wrong_body(found: Contract, operation: Schema, body: Any) -> Iterator[str]:
    sent = json.loads(body or b"{}")
    if "requestBody" not in operation:
        if sent:
            yield f"a body where the schema has none: {sorted(sent)}"
        return
    [content] = operation["requestBody"]["content"].values()
    # Texts may come as whole numbers, whatever the schema says of them.
    texts = {
        name: str(value) if type(value) is int and name not in ("month", "year") else value
        for name, value in sent.items()
    }
    yield from found.faults(content["schema"], texts)
