"""A worker that stops in the middle of a job, so that it can be killed there."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from django_dinero.services.sync import paging
from django_dinero.services.webhooks import applying

#: Longer than any test waits.
FOR_EVER = 600.0
PAGE = 3


def plant() -> None:
    """Pull short pages, and stop once in the middle of the event that the environment names.

    Whoever stops there writes its process id into a file, and whoever comes later does not stop.
    """
    paging.PAGE = PAGE
    file, pk = Path(os.environ["DINERO_HELD_FILE"]), int(os.environ["DINERO_HELD_EVENT"])
    apply: Any = applying._apply

    def held(event: Any) -> Any:
        if event.pk == pk:
            try:
                with file.open("x") as mark:
                    mark.write(str(os.getpid()))
            except FileExistsError:
                pass
            else:
                time.sleep(FOR_EVER)
        return apply(event)

    applying._apply = held
