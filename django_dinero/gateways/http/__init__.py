"""HTTP to a gateway: one POST, a pool of connections, and what a failure proves."""
