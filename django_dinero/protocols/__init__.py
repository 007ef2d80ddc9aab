"""Facts about providers' protocols that both the client and the test bank read."""
