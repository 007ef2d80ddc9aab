"""A project whose users have a telephone number: no e-mail, no permissions, and no staff."""
