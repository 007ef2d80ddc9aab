"""System checks for settings, databases and routes."""

from __future__ import annotations

from django.core.checks import Tags, register

from django_dinero.checks.api import check_api, check_api_deployment
from django_dinero.checks.databases import check_journal, check_requests, check_rows, check_users
from django_dinero.checks.gateways import check_accounts, check_deployment, check_settings
from django_dinero.checks.redis import check_redis
from django_dinero.checks.routes import check_routes
from django_dinero.tasks.checking import check_tasks

__all__ = [
    "check_accounts",
    "check_api",
    "check_api_deployment",
    "check_deployment",
    "check_journal",
    "check_redis",
    "check_requests",
    "check_routes",
    "check_rows",
    "check_settings",
    "check_users",
    "connect",
]


def connect() -> None:
    """Register the checks; called once, when the app is ready."""
    register(check_settings, "dinero")
    register(check_accounts, "dinero")
    register(check_journal, "dinero")
    register(check_requests, "dinero")
    register(check_users, "dinero")
    register(check_tasks, "dinero")
    register(check_api, "dinero")
    register(check_deployment, "dinero", deploy=True)
    register(check_api_deployment, "dinero", deploy=True)
    register(check_redis, "dinero", deploy=True)
    register(check_routes, Tags.urls)
    register(check_rows, Tags.database)
