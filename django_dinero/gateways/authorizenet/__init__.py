"""Authorize.Net over its XML API."""

from __future__ import annotations

from django_dinero.gateways.authorizenet.gateway import AuthorizeNetGateway

__all__ = ["AuthorizeNetGateway"]
