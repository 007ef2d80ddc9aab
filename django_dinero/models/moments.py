"""Times in the names of rows."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def minute_text(moment: object) -> str:
    """Return a time to the minute, as the reader writes it; empty for one that is not known yet."""
    if not isinstance(moment, datetime):
        return ""  # the database's clock gives it when the row is written
    return date_format(localtime(moment), "DATETIME_FORMAT")
