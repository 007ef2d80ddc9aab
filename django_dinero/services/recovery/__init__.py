"""How an operation ended, what a key did before, and who may go on: after a crash or a race."""
