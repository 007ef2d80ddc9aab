"""Tests on real connections, threads, processes and servers.

Where the races are, by what is at the same moment; each runs on every database of the matrix.

* submits of one key; with two amounts; with keys of their own: ``test_one_key``,
  ``api/test_racing``; at each isolation level: ``test_isolation_levels``
* a worker that is stopped before it sends, and wakes too late; clocks an hour wrong:
  ``test_killed_workers``
* runs of reconcile; a run and a worker that lives: ``test_reconcile_races``, ``test_sweep_races``
* a webhook and its own charge; twenty times the same webhook: ``webhooks/test_at_once``; webhooks
  in every order: ``webhooks/test_orders``
* the delete of a customer and a charge: ``test_isolation_levels``
* saves of one row, whose answers come in another order: ``test_caller_transaction``,
  ``test_vault_races``; a callback that raises after the commit: ``test_caller_transaction``
* a capture and a void; refunds, with a lost answer too: ``test_money_races``
* syncs, and a sync and a save: ``test_sync_races``
* a child beside the parent that has forked it: ``authorizenet/test_forked``,
  ``gateways/test_http_connections``

What one process does while another stands at any point of its own: ``test_broken_off``.
"""
