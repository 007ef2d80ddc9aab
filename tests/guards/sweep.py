"""The guards of what reconcile and webhooks write."""

from __future__ import annotations

from tests.guards.guard import EVENTS, RECONCILE, SECOND, Guard, tests

SWEEPING = tests("unit/services/reconcile/test_sweep.py")
RUNNING = tests("unit/services/reconcile/test_run.py")

SWEEP = (
    Guard(
        "a sweep leaves a charge that is being made to its worker",
        f"{RECONCILE}/unmatched.py",
        "        if operation.state in BEING_SENT:\n",
        "        if False:\n",
        SWEEPING,
    ),
    Guard(
        "a sweep calls missing only what is not there by its id either",
        f"{RECONCILE}/sweep.py",
        "        if self.examiner.examine(pk):\n            return\n        row = self._ours()",
        "        row = self._ours()",
        SWEEPING,
    ),
    Guard(
        "a sweep asks for nothing that a list may be too old for",
        f"{RECONCILE}/sweep.py",
        "            created_at__lt=self.covered.until,\n",
        "",
        SWEEPING,
    ),
    Guard(
        "a sweep believes no contradiction of a list that may be old",
        f"{RECONCILE}/verdicts.py",
        "    return Verdict.STATUS if detailed else Verdict.UNCLEAR\n",
        "    return Verdict.BEHIND\n",
        SWEEPING,
    ),
    Guard(
        "a sweep overwrites no amount that differs",
        f"{RECONCILE}/verdicts.py",
        "    if _has_another_amount(local, remote):\n",
        "    if False:\n",
        SWEEPING,
    ),
    Guard(
        "a sweep tells only of what it has changed itself",
        "django_dinero/services/ledger/standings.py",
        "            return {pk for pk, status in stand.items() if status == olds[pk]}\n",
        "            return set(olds)\n",
        tests("unit/services/ledger/test_standings.py"),
    ),
    Guard(
        "one run of reconcile at a time works on a gateway",
        SECOND,
        "fields=('running_name',)",
        "fields=('running_name', 'id')",
        RUNNING,
    ),
    Guard(
        "a run of reconcile that lives is not taken over",
        f"{RECONCILE}/lease.py",
        "state=State.RUNNING, lease_until__lt=UtcNow())",
        "state=State.RUNNING)",
        RUNNING,
    ),
    Guard(
        "a run of reconcile that was taken over writes no more",
        f"{RECONCILE}/lease.py",
        "state=State.RUNNING, worker=run.worker)",
        "state=State.RUNNING)",
        RUNNING,
    ),
    Guard(
        "reconcile runs outside of the caller's transaction",
        f"{RECONCILE}/run.py",
        "    _refuse_inside_transaction()\n    void",
        "    void",
        RUNNING,
    ),
    Guard(
        "no row is an orphan while its caller may commit it",
        f"{RECONCILE}/orphans.py",
        "state__in=HAVE_ROWS, lease_until__lt=UtcNow()",
        "state__in=HAVE_ROWS",
        tests("unit/services/reconcile/test_orphans.py"),
    ),
    Guard(
        "what was committed and seen is no orphan when its row is gone later",
        f"{RECONCILE}/orphans.py",
        "    _note_committed(run, since)\n",
        "",
        tests("unit/services/reconcile/test_orphans.py"),
    ),
    Guard(
        "what a rollback left is deleted when nobody can be at it",
        f"{RECONCILE}/vault.py",
        "    if not rollbacks.is_over(operation):\n",
        "    if False:\n",
        tests("unit/services/reconcile/test_vault.py"),
    ),
    Guard(
        "a customer is gone only if it is not new",
        f"{RECONCILE}/vault.py",
        "    if row.is_new or rollbacks.is_being_stored(row):\n",
        "    if False:\n",
        tests("unit/services/reconcile/test_vault.py"),
    ),
    Guard(
        "a webhook is stored once",
        SECOND,
        "fields=('event_id', 'gateway_name', 'live')",
        "fields=('event_id', 'gateway_name', 'live', 'id')",
        tests("unit/services/webhooks/test_events.py"),
    ),
    Guard(
        "one worker at a time has an event",
        EVENTS,
        "    waiting = rows().filter(free(), pk=pk, state__in=WAITING_STATES)\n",
        "    waiting = rows().filter(pk=pk)\n",
        tests("unit/services/webhooks/test_events.py", "integration/webhooks/test_at_once.py"),
    ),
    Guard(
        "an event has one effect",
        EVENTS,
        "        pk=event.pk, state__in=WAITING_STATES, worker=event.worker, "
        "attempts=event.attempts\n",
        "        pk=event.pk\n",
        tests("unit/services/webhooks/test_events.py"),
    ),
    Guard(
        "an event of the test account changes nothing live",
        "django_dinero/services/webhooks/applying.py",
        "    return applier(gateway, event) if event.live == gateway.live else None\n",
        "    return applier(gateway, event)\n",
        tests("unit/services/webhooks/test_events.py"),
    ),
    Guard(
        "a webhook of the test bank is believed for its signature",
        "django_dinero/gateways/sandbox/webhooks.py",
        '    if not hmac.compare_digest(given.encode("utf-8", "replace"), signed):\n',
        "    if False:\n",
        tests("unit/webhooks/test_views.py"),
    ),
    Guard(
        "a row waits for the caller who may still commit it",
        "django_dinero/services/webhooks/transactions.py",
        "    if row is None and operations.may_be_uncommitted(operation):\n",
        "    if False:\n",
        tests("unit/services/webhooks/test_transactions.py"),
    ),
)
