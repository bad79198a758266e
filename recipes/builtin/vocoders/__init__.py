"""Vocoders that copy recordings: packaged ones, and small ones that are trained here."""
