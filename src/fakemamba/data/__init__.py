"""Protocols, keys and score files of the corpora."""
