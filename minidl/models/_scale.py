"""Networks by multiplication: one table of widths and depths, and the factors that make its relatives of other sizes.

MobileNet multiplies all widths by one factor (Howard et al., arXiv:1704.04861, section 3.3), EfficientNet widths and
depths (Tan and Le, arXiv:1905.11946, section 3.3). The products are no whole numbers; this is how both papers' authors
round them in their code.
"""

from __future__ import annotations

import math


def scaled_width(channels: int, factor: float) -> int:
    """Return channels · factor rounded to the nearest multiple of 8, at least 8, and not below nine tenths of it.

    Example:
        >>> [scaled_width(32, factor) for factor in (1.0, 0.75, 0.1)]
        [32, 24, 8]
        >>> scaled_width(24, 0.8)  # 19.2 is nearest to 16, but 16 < 0.9 · 19.2 = 17.28
        24
    """
    exact = channels * factor
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * exact else rounded + 8


def scaled_depth(n: int, factor: float) -> int:
    """Return n · factor rounded up.

    Example:
        >>> [scaled_depth(n, 1.2) for n in (1, 2, 3, 4)]
        [2, 3, 4, 5]
    """
    return math.ceil(n * factor)
