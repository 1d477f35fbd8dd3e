"""Measurements: each prints the machine, its numbers, and what is asked of them."""
