"""How a shop is asked: by a view, in a transaction of its own or not, and by several at once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any, cast

from django.core.handlers.base import BaseHandler
from django.db import IntegrityError, connections


class ChangedMyMindError(Exception):
    """What rolls a transaction back."""


def in_view(act: Callable[[], object], *, raises: bool) -> object:
    """Do something in a view that has the transaction of ATOMIC_REQUESTS.

    Args:
        act: what the view does.
        raises: whether the view raises afterwards, which rolls its transaction back.
    """

    done = list[object]()

    def view(_request: object) -> None:
        done.append(act())
        if raises:
            raise ChangedMyMindError

    try:
        # Its type asks for a view that answers; what it wraps may return anything.
        BaseHandler().make_view_atomic(cast(Callable[..., Any], view))(None)
    except ChangedMyMindError:
        return "the view raised"
    except IntegrityError:
        if not done:
            raise
        # PostgreSQL tells at the commit of a card that another worker has deleted meanwhile.
        return "the view's commit failed"
    return done[0]


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do each in a thread of its own, at the same moment; return what they returned.

    Raises:
        Exception: the first of those that were raised.
    """
    barrier = Barrier(len(acts))
    done: dict[int, object] = {}
    failed: list[Exception] = []

    def run(place: int, act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            done[place] = act()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return [done[place] for place in sorted(done)]
