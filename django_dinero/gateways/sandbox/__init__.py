"""The test bank in the same process: for tests, demonstrations and the first five minutes."""

from __future__ import annotations

from django_dinero.gateways.sandbox.gateway import SandboxGateway

__all__ = ["SandboxGateway"]
