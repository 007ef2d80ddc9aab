"""What the pages that talk to a gateway share: no transaction, no frame, no secret left behind.

Django's own add and change views run inside ``atomic``; pages added through ``get_urls()`` do not,
and :func:`page` keeps it so where ``ATOMIC_REQUESTS`` is on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite, helpers
from django.db import connections, transaction
from django.forms import BaseForm
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.datastructures import MultiValueDict
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from django_dinero.cards import SECRET_ARGUMENTS, holds_card_number
from django_dinero.redaction import MASK, Secret

View = Callable[..., HttpResponseBase]

#: Who may charge a stored card, from its page and from the customer's.
CHARGE = "dinero.charge_creditcard"


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


def page(site: AdminSite, view: View) -> View:
    """Return a view of the admin that runs outside any transaction and gets ``posted``.

    Args:
        site: the site whose sign-in, CSRF check and cache rules apply.
        view: called with the request, the arguments of its path, and ``posted``.
    """
    guarded = site.admin_view(view)

    @sensitive_post_parameters()
    def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.current_app = site.name
        response = guarded(request, *args, posted=take_secrets(request), **kwargs)
        forbid_frames(response)
        return response

    return outside_transactions(guarded_view)


def forbid_frames(response: HttpResponseBase) -> None:
    """Let no other page show this one, where a click could be borrowed; whatever the middleware.

    A middleware that writes a content security policy leaves alone what has one. It is asked to put
    ours into the project's, in the words of Django's own and of django-csp.
    """
    response["X-Frame-Options"] = "DENY"
    nobody = {"frame-ancestors": ["'none'"]}
    if not any("csp" in path.lower() for path in settings.MIDDLEWARE):
        response["Content-Security-Policy"] = "frame-ancestors 'none'"
        return
    policy = getattr(settings, "SECURE_CSP", None)
    name, value = ("_csp_config", {**policy, **nobody}) if policy else ("_csp_replace", nobody)
    setattr(response, name, value)


def outside_transactions(view: View) -> View:
    """Exempt a view from ATOMIC_REQUESTS, on every database."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def admin_form(form: BaseForm, fieldsets: list[tuple[Any, dict[str, Any]]]) -> helpers.AdminForm:
    """Return a form as Django's admin templates lay it out."""
    return helpers.AdminForm(form, fieldsets, {})  # type: ignore[arg-type]


def link(request: HttpRequest, name: str, row: Any) -> str:
    """Return the address of a row's own page in the admin, empty if this user may not see it.

    Args:
        request: whose user and site count.
        name: the model's name in lower case.
        row: an instance, its key, or None.
    """
    pk = getattr(row, "pk", row)
    return address(request, f"{name}_change", pk) if pk is not None and sees(request, name) else ""


def sees(request: HttpRequest, name: str) -> bool:
    """Say whether this user may look at the rows of a model."""
    verbs = ("view", "change")
    return any(request.user.has_perm(f"dinero.{verb}_{name}") for verb in verbs)


def address(request: HttpRequest, name: str, pk: Any) -> str:
    """Return the address of a page of this site; empty where the project has unregistered it."""
    try:
        return reverse(
            f"admin:dinero_{name}",
            args=(pk,),
            current_app=getattr(request, "current_app", None),
        )
    except NoReverseMatch:
        return ""
