"""The buttons at the top of a row's page: the verbs that this user may use on it now."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from django.http import HttpRequest

from django_dinero.admin.base import DineroAdmin
from django_dinero.admin.views.safety import address
from django_dinero.exceptions import DineroError
from django_dinero.gateways.registry import GatewayMisconfigured

if TYPE_CHECKING:
    from django_dinero.admin.views.base import GatewayPage


class Tool(NamedTuple):
    """A button.

    Attributes:
        url: of the page that it opens.
        label: what stands on it.
    """

    url: str
    label: str


def can_close(tools: Collection[Tool]) -> bool:
    """Say whether one of them closes the row by hand: then no other button may be called that."""
    return any(tool.url.endswith("/close/") for tool in tools)


def is_offered(page: GatewayPage, request: HttpRequest, row: Any) -> bool:
    """Say whether a page makes sense for a row, and this user may use it."""
    return page.allowed(request, row) and not _is_refused(page, row)


def _is_refused(page: GatewayPage, row: Any) -> bool:
    """Say whether a page makes no sense for a row; one whose gateway cannot be made says so."""
    try:
        return page.refusal(row) is not None
    except DineroError:
        return True
    except GatewayMisconfigured:
        return False


def tools_for(
    model_admin: DineroAdmin, request: HttpRequest, row: Any, *, but: Collection[str] = ()
) -> list[Tool]:
    """Return the pages that make sense for a row and that this user may use, in their order.

    Args:
        but: names of pages that are offered elsewhere.
    """
    found = []
    for name in model_admin.gateway_pages:
        page = model_admin.gateway_page(name)
        if name in but or not is_offered(page, request, row):
            continue
        url = address(request, f"{row._meta.model_name}_{name.replace('-', '_')}", row.pk)
        found.append(Tool(url, str(page.button)))
    return found
