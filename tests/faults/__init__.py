"""The proof by faults: real processes, killed and cut off, and books that agree afterwards.

``python -m tests.faults --seed 7 --operations 200`` (``make faults N=200 SEED=7``). A shop of
worker processes charges, captures, voids, refunds and stores cards through the Authorize.Net client
over HTTP, while replies are lost, cut, doubled and delayed, requests arrive late, and workers are
killed with SIGKILL or stopped with SIGSTOP. Then every open operation is resolved, and the rows
here are held against the bank's ledger and vault. The bank answers in another process than any
worker's, and keeps its ledger in a file of its own.

**A run has many shops** (:mod:`tests.faults.shops`): each has a database (SQLite, PostgreSQL,
MariaDB), a bank that honours keys, refuses duplicates or can only be searched, ATOMIC_REQUESTS or
not, and a currency. ``--shop 3`` repeats one of them.

**The seed decides everything** (:mod:`tests.faults.plan`): the verbs of each worker; by the ordinal
of its requests which of them meets a fault, and where the bank settles a batch; the point where the
worker is killed or stopped. Workers take these points (:mod:`tests.faults.points`) one after the
other, and one of their verbs leads there: by the bank, before or after it has done what was asked;
by itself, before a statement that writes, before or after a commit, or where it has claimed an
operation and not sent it. The app has no line for that.

A round starts ``--workers`` processes and waits for all of them. One that is stopped is taken for
dead: its lease is moved into the past, others look up what it was about, and then it goes on, with
its own clock hours later. Between two rounds time passes: nobody is alive, and the deadlines of
open operations are moved into the past. Then the shop settles a part of what is open, with faults
and kills of its own. No planned fault or kill depends on a clock; a machine that stalls for seconds
(a read timeout, or the wait for another worker) can still change a run.

What the bank does late, and what its lists do not show yet, stays within the quarantine: requests
land, and lists catch up, before time passes. Nothing could tell what lands after that from what
never does; reconcile repairs it when it sees it, which other tests show.

With ``--workers 1`` a seed repeats its whole run, event for event. With more each worker repeats
its own plan, and the order in which they take turns varies; then some verbs are done by several
threads at once.

The seed also decides by how much the bank's clock differs from ours, and whether the shop's project
has ``USE_TZ``. ``DINERO_TEST_DB`` or ``--databases`` choose the databases. Without them a run takes
all that it has an address of.

**The history** (:mod:`tests.faults.history`) has a line of JSON for each verb's beginning and end,
each change of an operation's state, each request and reply at the bank, each fault, kill, stop,
batch and passing of time. ``--history FILE`` keeps it; otherwise it is kept where the books differ,
as ``var/faults/seed-<seed>.jsonl``, and the lines that speak of what differs are shown. The table
at the end is counted from it (:mod:`tests.faults.table`).
"""
