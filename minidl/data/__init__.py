"""Data sets and picture files."""
