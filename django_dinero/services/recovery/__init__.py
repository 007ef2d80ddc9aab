"""After a crash or a race: look up outcomes, answer repeated keys, wait for locks."""
