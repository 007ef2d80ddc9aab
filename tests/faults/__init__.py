"""The proof by faults: real processes, killed and cut off at random, and books that agree.

``python -m tests.faults --seed 7 --operations 200`` (``make faults``). A shop of several worker
processes charges, captures, voids, refunds and stores cards through the Authorize.Net client over
HTTP, while replies are lost, cut, doubled and delayed and workers are killed with SIGKILL. Then
every open operation is resolved, and the rows here are held against the bank's ledger.
"""
