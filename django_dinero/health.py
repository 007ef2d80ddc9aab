"""A view for monitors: does anything about payments need somebody?

.. code-block:: python

    urlpatterns = [path("health/payments/", health), ...]

It answers 200 while nothing does, and 503 otherwise. No gateway is asked, but the database is, some
seventeen times for each gateway. Since everybody may call it, what was found is kept in the default
cache for a few seconds. Who is no staff learns no more than that.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, transaction
from django.http import HttpRequest, JsonResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from django_dinero.exceptions import DineroError
from django_dinero.gateways.registry import gateways, get_gateway
from django_dinero.logs import get_logger
from django_dinero.services.status import (
    count_stray_operations,
    status_of,
    stray_operation_problems,
)
from django_dinero.services.webhooks import count_strays, stray_problem
from django_dinero.users import is_staff

logger = get_logger("django_dinero")

#: Seconds for which an answer is kept.
KEPT = 5


@transaction.non_atomic_requests
@login_not_required
@never_cache
@require_safe
def health(request: HttpRequest, **kwargs: object) -> JsonResponse:
    """Answer whether anything needs somebody; what it is, to staff."""
    problems = _kept_problems()
    body: dict[str, Any] = {"status": "attention" if problems else "ok"}
    if is_staff(getattr(request, "user", None)):
        body["gateways"] = {name: [] for name in gateways} | problems
    return JsonResponse(body, status=503 if problems else 200)


def _kept_problems() -> dict[str, list[str]]:
    """Return what needs somebody at which gateway, as it was found a few seconds ago."""
    key = f"dinero-health-{get_language()}"
    try:
        kept = cache.get(key)
    except Exception as error:  # a cache of any make
        _tell(error)
        return _all_problems()
    if isinstance(kept, dict):
        return kept
    found = _all_problems()
    try:
        cache.set(key, found, KEPT)
    except Exception as error:
        _tell(error)
    return found


def _tell(error: Exception) -> None:
    text = "The cache failed (%s): the health view asks the database each time"
    logger.error(text, type(error).__name__)


def _all_problems() -> dict[str, list[str]]:
    return {name: found for name in gateways if (found := _problems(name))} | _strays()


def _problems(name: str) -> list[str]:
    try:
        return status_of(get_gateway(name), ask_gateway=False).problems()
    except (DineroError, ImproperlyConfigured) as error:
        logger.error("%s: %s", name, type(error).__name__, extra={"dinero_gateway": name})
        return [_("It is configured wrongly; run manage.py check.")]
    except DatabaseError as error:
        logger.error(
            "%s: the database failed: %s",
            name,
            type(error).__name__,
            extra={"dinero_gateway": name},
        )
        return [_("The database failed.")]


def _strays() -> dict[str, list[str]]:
    """Return what is to be said of gateways that are not configured, and have something open."""
    try:
        operations, events = count_stray_operations(), count_strays()
    except DatabaseError:  # told of each gateway already
        return {}
    found = {name: stray_operation_problems(counts) for name, counts in operations.items()}
    for name, waiting in events.items():
        found.setdefault(name, []).append(stray_problem(waiting))
    return found
