"""Writes down an action of the API as its row of the table says."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.settings import api_settings
from uritemplate import variables

from django_dinero import conf
from django_dinero.api.openapi import examples, parameters, problems
from django_dinero.api.openapi.components import PREFIX, Schema, any_of, page_of, required_of
from django_dinero.api.openapi.endpoints import ENDPOINTS, RESOURCES, Endpoint, described
from django_dinero.api.permissions import ShopperPermission


class DescribedSchemaMixin(AutoSchema):
    """Takes what it can from the table; for a project's own actions it is drf-spectacular's."""

    @property
    def row(self) -> tuple[type[Any], Endpoint] | None:
        """The row of this action, and the view of the table."""
        action = getattr(self.view, "action", None) or self.method.lower()
        return described(self.view, action)

    @property
    def name(self) -> str:
        """The operation's name, without our prefix."""
        kind, endpoint = cast("tuple[type[Any], Endpoint]", self.row)
        return f"{RESOURCES[kind][0]}_{endpoint.name}"

    def get_operation_id(self) -> str:
        """Return a name that is the same below any prefix."""
        if self.row is None:
            return super().get_operation_id()
        return f"{PREFIX.lower()}_{self.name}"

    def get_summary(self) -> str | None:
        return super().get_summary() if self.row is None else self.row[1].summary

    def get_description(self) -> str:  # type: ignore[override]
        return super().get_description() if self.row is None else self.row[1].description

    def get_tags(self) -> list[str]:
        return super().get_tags() if self.row is None else [RESOURCES[self.row[0]][1]]

    def get_auth(self) -> list[Any]:
        """Return how callers sign in; shoppers need not where the project prices their charges."""
        found: list[Any] = super().get_auth()
        kinds = {type(each) for each in self.view.get_permissions()}
        if ShopperPermission in kinds and conf.api().guest_charges:
            found.append({})
        return found

    def get_filter_backends(self) -> list[Any]:
        """Return none: the parameters of a list are described together."""
        return super().get_filter_backends() if self.row is None else []

    def get_override_parameters(self) -> list[Any]:
        """Return the parameters and headers, beside those that a project has for all."""
        found = list(super().get_override_parameters())
        if self.row is None:
            return found
        endpoint = self.row[1]
        if endpoint.name == "list" and endpoint.paged:
            found += parameters.of_a_list(self.view)
        # What else a path has is the project's.
        own: Any = getattr(self.view, "lookup_url_kwarg", None)
        found += [parameters.in_path(own, self.view)] if own in variables(self.path) else []
        if endpoint.key is not None:
            found += parameters.of_a_key(endpoint.key)
        answers = _of_answers(endpoint, operation=RESOURCES[self.row[0]][0] == "operations")
        return [*found, *answers]

    def get_request_serializer(self) -> Any:
        if self.row is None:
            return super().get_request_serializer()
        takes = self.row[1].takes
        return {"application/json": any_of(self, takes, "request")} if takes else None

    def get_response_serializers(self) -> Any:
        if self.row is None:
            return super().get_response_serializers()
        endpoint = self.row[1]
        error = problems.error_schema(self)
        refusals = {
            status: OpenApiResponse(error, problems.description_of(status, endpoint.status))
            for status in endpoint.problems
        }
        success = {endpoint.status: OpenApiResponse(self._success(endpoint), "Done.")}
        return dict(sorted({**success, **refusals}.items()))

    def _success(self, endpoint: Endpoint) -> Schema | None:
        if endpoint.name == "root":
            return _addresses()
        if not endpoint.answers:
            return None
        if endpoint.name == "list":
            shown = endpoint.answers[-1].__name__.removesuffix("Serializer")
            return page_of(self, endpoint.answers, shown)
        return any_of(self, endpoint.answers, "response")

    def get_examples(self) -> list[OpenApiExample]:
        if self.row is None:
            return super().get_examples()
        kind, endpoint = self.row
        bodies = examples.REQUESTS.get(self.name, {})
        found = [OpenApiExample(name, body, request_only=True) for name, body in bodies.items()]
        if endpoint.status != 204:
            page = endpoint.name == "list"
            answer = examples.answer_of(self.name, RESOURCES[kind][0], page=page)
            found.append(_answered("Done", answer, endpoint.status))
        for status in endpoint.problems & examples.PROBLEMS.keys():
            body = examples.PROBLEMS[status]
            found.append(_answered(body["code"], body, status))
        if endpoint.key == "required":
            found.append(_answered("action_required", examples.ACTION_REQUIRED, 402))
        return found

    def _is_list_view(self, serializer: Any = None) -> bool:
        # A page is described whole; drf-spectacular would put a page around it.
        return super()._is_list_view(serializer) if self.row is None else False

    def _get_request_body(self, direction: Any = "request") -> Any:
        body: Any = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body and self.row is not None:
            [content] = body["content"].values()
            if required_of(self, content["schema"]):
                body["required"] = True
        return body


def _answered(name: str, value: Any, status: int) -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[str(status)])


def _of_answers(endpoint: Endpoint, *, operation: bool) -> list[OpenApiParameter]:
    """Return the headers of answers, for the statuses that this action gives."""
    given = endpoint.problems | {endpoint.status}
    found = []
    for header in parameters.of_the_answers(operation=operation):
        header.response = [each for each in cast("list[int]", header.response) if each in given]
        found.append(header)
    return [header for header in found if header.response]


def _addresses() -> Schema:
    """Return the schema of the list of lists."""
    lists = [RESOURCES[view][0].replace("_", "-") for view, action in ENDPOINTS if action == "list"]
    address = {"type": "string", "format": "uri"}
    return {"type": "object", "properties": dict.fromkeys(lists, address), "required": lists}


def schema_class() -> type[AutoSchema]:
    """Return the class that describes our views: the project's own too, where that is possible."""
    base = api_settings.DEFAULT_SCHEMA_CLASS
    if not (isinstance(base, type) and issubclass(base, AutoSchema)):
        return DescribedSchemaMixin
    return type("DineroSchema", (DescribedSchemaMixin, base), {})
