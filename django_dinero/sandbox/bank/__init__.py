"""The bank itself: its vault, its ledger and the documented triggers. It knows no provider."""
