"""Sync: bring whole accounts here, and say where both sides differ."""
