"""What several commands say."""

from __future__ import annotations

from collections.abc import Sequence


def left_out(names: Sequence[str]) -> str:
    """Say which pictures could not be read and were left out.

    Example:
        >>> left_out(["cat/1.png"]), left_out(["1.png", "2.png", "3.png", "4.png"])
        ('1 picture cannot be read and was left out: cat/1.png',
         '4 pictures cannot be read and were left out: 1.png, 2.png, 3.png and 1 more')
    """
    from minidl._names import some

    counted = (
        "1 picture cannot be read and was" if len(names) == 1 else f"{len(names):,} pictures cannot be read and were"
    )
    return f"{counted} left out: {some(names)}"
