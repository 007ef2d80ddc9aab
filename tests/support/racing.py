"""Things that are done at the same moment, by threads with connections of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.db import connection

from django_dinero.exceptions import DineroError


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Do things at the same moment; return results and refusals, in no order."""
    start, found = threading.Barrier(len(calls)), list[object]()

    def work(call: Callable[[], object]) -> None:
        try:
            start.wait()
            found.append(call())
        except DineroError as error:
            found.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
