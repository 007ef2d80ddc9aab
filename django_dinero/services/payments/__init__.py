"""What moves money, one module for each verb: each reads from top to bottom."""
