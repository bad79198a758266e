"""Protocols, keys and score files; corpora as lists of utterances, checked, mixed and sampled."""
