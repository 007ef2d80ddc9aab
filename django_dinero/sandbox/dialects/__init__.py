"""The bank in the words of a provider, one package for each."""
