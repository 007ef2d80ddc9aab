"""What the pages that talk to a gateway share: no transaction, no frame, no secret left behind.

Django's own add and change views run inside ``atomic``; pages added through ``get_urls()`` do not,
and :func:`page` keeps it so where ``ATOMIC_REQUESTS`` is on.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import messages
from django.contrib.admin import AdminSite, helpers
from django.contrib.admin.sites import all_sites
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.views.decorators.debug import sensitive_post_parameters

from django_dinero.forms import content_policy
from django_dinero.forms.posted import View, outside_transactions, take_secrets
from django_dinero.gateways.registry import GatewayMisconfigured
from django_dinero.logs import get_logger
from django_dinero.models import Customer
from django_dinero.redaction import scrub
from django_dinero.user_messages import NOT_SET_UP

logger = get_logger("django_dinero.admin")

#: Who may charge a stored card, from its page and from the customer's.
CHARGE = "dinero.charge_creditcard"


def page(site: AdminSite, view: View) -> View:
    """Return a view of the admin that runs outside any transaction and gets ``posted``.

    Args:
        site: the site whose sign-in, CSRF check and cache rules apply.
        view: called with the request, the arguments of its path, and ``posted``.
    """

    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except GatewayMisconfigured as error:
            index = reverse("admin:index", current_app=site.name)
            return lead_from_misconfigured(request, error, index)

    guarded = site.admin_view(answered)

    @sensitive_post_parameters()
    def guarded_view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.current_app = site.name
        response = guarded(request, *args, posted=take_secrets(request), **kwargs)
        forbid_frames(response)
        return response

    return outside_transactions(guarded_view)


def log_misconfigured(request: HttpRequest, error: GatewayMisconfigured) -> None:
    """Tell the log why the gateway of a page could not be made: it may name a credential."""
    logger.error("%s: %s", request.path, scrub(str(error)))


def lead_from_misconfigured(
    request: HttpRequest, error: GatewayMisconfigured, there: str
) -> HttpResponseBase:
    """Lead to another page, which says that the gateway is not set up; why is for the log."""
    log_misconfigured(request, error)
    messages.error(request, str(NOT_SET_UP))
    return HttpResponseRedirect(there)


def forbid_frames(response: HttpResponseBase) -> None:
    """Let no other page show this one, where a click could be borrowed; whatever the middleware.

    Of the project's content security policy, if there is one, all else stays.
    """
    response["X-Frame-Options"] = "DENY"
    content_policy.add(response, {"frame-ancestors": ["'none'"]})


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
    """Say whether this user may look at the rows of a model: as their own admin says, if any.

    Sites of one name cannot be told apart by a request; then all of them have to agree.
    """
    model, here = apps.get_model("dinero", name), getattr(request, "current_app", "admin")
    sites = [site for site in all_sites if site.name == here and site.is_registered(model)]
    if sites:
        admins = (site.get_model_admin(model) for site in sites)
        return all(each.has_view_or_change_permission(request) for each in admins)
    verbs = ("view", "change")
    return any(request.user.has_perm(f"dinero.{verb}_{name}") for verb in verbs)


def customer_text(request: HttpRequest, customer: Customer) -> str:
    """Return who a customer is; to who may not see customers, the gateway's id of one."""
    return str(customer) if sees(request, "customer") else customer.customer_id or ""


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
