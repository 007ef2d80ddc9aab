"""The real Authorize.Net client over real sockets."""
