"""How numbers are written."""

from __future__ import annotations

from collections.abc import Sequence


def percent(share: float) -> str:
    """Write a share as a percentage.

    Example:
        >>> percent(0.98765)
        '98.77 %'
    """
    return f"{100 * share:.2f} %"


def left_out(names: Sequence[str]) -> str:
    """Say which pictures could not be read and were left out.

    Example:
        >>> left_out(["cat/1.png"]), left_out(["1.png", "2.png", "3.png", "4.png"])
        ('1 picture cannot be read and was left out: cat/1.png',
         '4 pictures cannot be read and were left out: 1.png, 2.png, 3.png and 1 more')
    """
    from minidl.data._scan import some

    counted = (
        "1 picture cannot be read and was" if len(names) == 1 else f"{len(names):,} pictures cannot be read and were"
    )
    return f"{counted} left out: {some(names)}"


def duration(seconds: float) -> str:
    """Write a time as hours, minutes and seconds.

    Example:
        >>> duration(75), duration(7384)
        ('1:15', '2:03:04')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
