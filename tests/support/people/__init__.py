"""A project whose users are no ``auth.User``: another class, signed in by e-mail, keyed by UUID."""
