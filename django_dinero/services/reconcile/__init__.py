"""Reconcile: bring our books and the gateway's into agreement, and tell what does not agree."""
