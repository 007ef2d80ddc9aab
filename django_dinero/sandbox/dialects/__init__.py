"""The bank as the APIs of providers, one package for each."""
