"""What an earlier call has left: its answer under the same key, its lock, its unknown outcome.

Each charge with an idempotency key and each capture, void and refund comes through here, and not
only after a crash or a race.
"""
