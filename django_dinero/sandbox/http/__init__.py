"""How requests reach the bank: a server, an adapter for ``requests``, faults and controls."""
