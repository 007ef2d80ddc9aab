"""Customers and cards at the gateway: created, pushed, deleted."""
