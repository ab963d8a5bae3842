"""Data sets to measure linkage on, made or found by code: no third-party data is kept here."""
