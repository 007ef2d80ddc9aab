"""django-dinero: stored cards and charges through any payment gateway."""

from __future__ import annotations

__version__ = "0.1.0"
