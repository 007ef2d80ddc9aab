"""The proof by faults: real processes, killed and cut off, and books that agree afterwards.

``python -m tests.faults --seed 7 --operations 200`` (``make faults``). A shop of worker processes
charges, captures, voids, refunds and stores cards through the Authorize.Net client over HTTP, while
replies are lost, cut, doubled and delayed and workers are killed with SIGKILL. Then every open
operation is resolved, and the rows here are held against the bank's ledger and vault.

**The seed decides everything** (:mod:`tests.faults.plan`): the verbs of each worker; by the ordinal
of its requests which of them meets a fault, where the bank settles a batch, and where it kills the
worker, before or after it has done what was asked; by the ordinal of its writing statements where
the worker kills itself. A round starts ``--workers`` processes and waits for all of them. Between
two rounds time passes: nobody is alive, and the deadlines of open operations are moved into the
past. Then the shop settles a part of what is open, with faults and kills of its own. No planned
fault or kill depends on a clock; a machine that stalls for seconds (a read timeout, or the wait for
another worker) can still change a run.

With ``--workers 1`` a seed repeats its whole run, event for event. With more each worker repeats
its own plan, and the order in which they take turns varies.

The seed also decides by how much the bank's clock differs from ours, and whether the shop's project
has ``USE_TZ``.

The books are kept in SQLite, or with ``DINERO_TEST_DB`` in PostgreSQL or MariaDB.

**The history** (:mod:`tests.faults.history`) has a line of JSON for each verb's beginning and end,
each request and reply at the bank, each fault, kill, batch and passing of time. ``--history FILE``
keeps it; otherwise it is kept where the books differ, as ``var/faults/seed-<seed>.jsonl``, and the
lines that speak of what differs are shown.
"""
