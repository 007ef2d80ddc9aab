"""The test bank behind the Authorize.Net XML API, as strict as the real one."""

from __future__ import annotations
