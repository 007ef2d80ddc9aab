"""The processes of the shop: one that has loaded Django, and its children, which do the work.

``python -m tests.faults.worker SEED HISTORY`` reads jobs, a line for each: ``work NAME COUNT``,
``settle NAME 0``, ``resolve NAME 0``, ``finish end 0``, ``migrate db 0`` or ``drop db 0``; and of
the share of a process that is stopped ``dead NAME PROCESS`` or ``unsent NAME 0``. For each it forks
a child, writes the child's process id in a line and, when it has ended, its exit code in another
one. Of a child that is stopped it writes :data:`STOPPED`, and wakes it at the next line that it
reads.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import django

from tests.faults import waking

waking.install()  # before anything keeps the clock
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
django.setup()

from django.core.management import call_command  # noqa: E402 - after setup(), as those below
from django.db import DatabaseError, connection  # noqa: E402
from django.db.models.signals import post_save  # noqa: E402

from django_dinero import signals  # noqa: E402
from django_dinero.gateways.registry import get_gateway  # noqa: E402
from django_dinero.models import Operation  # noqa: E402
from django_dinero.services.recovery import locking  # noqa: E402
from tests.faults import plan  # noqa: E402
from tests.faults.dying import Mortal  # noqa: E402
from tests.faults.history import History, claimed_by, read  # noqa: E402
from tests.faults.settling import Settling, let_time_pass  # noqa: E402
from tests.faults.shop import Shop  # noqa: E402

#: Seconds that one worker waits for another that changes the same customer's cards.
CARDS_PATIENCE = 0.5
#: Seconds after which a child that hangs is ended.
PATIENCE = 300
#: What is told of a child that is stopped; no exit code is as large.
STOPPED = 1000
#: Seconds that look-ups wait for the rows of a worker that is stopped.
STATEMENTS = {
    "postgresql": "SET lock_timeout = '2s'",
    "mysql": "SET innodb_lock_wait_timeout = 2",
}


def main() -> int:
    """Do one job after the other until there are no more; return the exit code."""
    seed, path = int(sys.argv[1]), Path(sys.argv[2])
    get_gateway()  # loaded once, not in each child
    # Many a worker finds the cards held by one that was killed, which no waiting helps.
    locking.CARDS_PATIENCE = CARDS_PATIENCE
    for line in iter(sys.stdin.readline, ""):
        job, name, count = line.split()
        child = os.fork()
        if child == 0:
            _end(seed, path, job, name, int(count))
        _tell(child)
        _tell(_ended(child))
    return 0


def _ended(child: int) -> int:
    """Wait for a child, waking it when it is time; return its exit code."""
    while True:
        status = os.waitpid(child, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        _tell(STOPPED)
        sys.stdin.readline()
        os.kill(child, signal.SIGCONT)


def _tell(number: int) -> None:
    print(number, flush=True)


def _end(seed: int, path: Path, job: str, name: str, count: int) -> None:
    """Do a job in a child, and leave."""
    signal.alarm(PATIENCE)
    code = 1
    try:
        _do(seed, History(path, name), job, name, count)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _do(seed: int, history: History, job: str, name: str, count: int) -> None:
    if job == "migrate":
        _on_server("CREATE")
        call_command("migrate", verbosity=0)
    elif job == "drop":
        _on_server("DROP")
    elif job == "work":
        share = plan.work(seed, name, count)
        _live(share, Shop(share, history), history)
    elif job == "settle":
        share = plan.settle(seed, name)
        _live(share, Settling(share, history), history)
    elif job == "resolve":
        share = plan.Share(name, f"{seed}:{name}", ("resolve",))
        _live(share, Settling(share, history), history)
    elif job in ("dead", "unsent"):
        share = plan.Share(f"d{name}", f"{seed}:d{name}", ())
        _make_up_keys(share)
        does = Settling(share, history)
        act = partial(does.look_up_sent, count)
        if job == "unsent":
            act = partial(does.look_up_unsent, claimed_by(name, read(history.path)))
        _with_short_patience(does, act)
    else:
        share = plan.finish(seed)
        _make_up_keys(share)
        Settling(share, history).finish()


def _on_server(verb: str) -> None:
    """Create or drop the shop's database, where it is a server's."""
    if connection.vendor == "sqlite":
        return
    name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"{verb} DATABASE {name}")


def _live(share: plan.Share, does: Shop | Settling, history: History) -> None:
    _make_up_keys(share)
    if share.time_passes:
        let_time_pass(history)
    mortal = Mortal(share, does.tell)
    post_save.connect(does.written, sender=Operation, weak=False)
    signals.operation_changed.connect(does.changed, sender=Operation, weak=False)
    signals.operation_changed.connect(mortal.claimed, sender=Operation, weak=False)
    mortal.watch()
    does.work()
    history.tell("done", writes=mortal.count)


def _with_short_patience(does: Settling, act: Callable[[], None]) -> None:
    """Look up what a stopped worker was about, as far as its own locks let that happen."""
    if connection.vendor in STATEMENTS:
        with connection.cursor() as cursor:
            cursor.execute(STATEMENTS[connection.vendor])
    try:
        act()
    except DatabaseError as error:
        does.tell("locked out", error=type(error).__name__)


def _make_up_keys(share: plan.Share) -> None:
    """Let the keys and ids that are random elsewhere follow from the seed here."""
    os.urandom = share.chance("keys").randbytes
    random.seed(f"{share.seed}:random")


if __name__ == "__main__":
    sys.exit(main())
