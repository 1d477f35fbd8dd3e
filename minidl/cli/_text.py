"""How numbers are written."""

from __future__ import annotations


def percent(share: float) -> str:
    """Write a share as a percentage.

    Example:
        >>> percent(0.98765)
        '98.77 %'
    """
    return f"{100 * share:.2f} %"
