"""A shop's own pages on the parts of ``django_dinero.wallet``."""
