"""What a form sends to a view that talks to a gateway, with its secrets out of sight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import connections, transaction
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDict
from django.views.decorators.debug import sensitive_variables

from django_dinero.cards import SECRET_ARGUMENTS, holds_card_number
from django_dinero.redaction import MASK, Secret

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Posted:
    """What was posted, with number, CVV and token as secrets.

    ``misplaced`` names the other fields that held a card number; it is not in ``data`` any more.
    """

    data: MultiValueDict[str, Any] = field(default_factory=MultiValueDict)
    misplaced: tuple[str, ...] = ()


@sensitive_variables()
def take_secrets(request: HttpRequest) -> Posted:
    """Take the secrets out of a request, and return what was posted with them wrapped.

    With DEBUG on, Django's error page shows all of ``request.POST``, whatever is declared
    sensitive; error reporters read the body as well.
    """
    if request.method != "POST":
        return Posted()
    data: MultiValueDict[str, Any] = MultiValueDict()
    masked = QueryDict(mutable=True)
    misplaced: list[str] = []
    for name, texts in request.POST.lists():
        if name in SECRET_ARGUMENTS:
            data.setlist(name, [Secret(text) for text in texts])
            masked.setlist(name, [MASK] * len(texts))
        elif any(holds_card_number(name, text) for text in texts):
            misplaced.append(name)
            data[name], masked[name] = "", MASK
        else:
            data.setlist(name, texts)
            masked.setlist(name, texts)
    request.POST = masked  # type: ignore[assignment]
    request._body = b""
    return Posted(data, tuple(misplaced))


def outside_transactions(view: View) -> View:
    """Exempt a view from ATOMIC_REQUESTS, on every database."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view
