"""Create, push and delete customers and cards at the gateway."""
