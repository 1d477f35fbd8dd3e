"""Name the mistake behind a wrong gradient: a catalogue of what usually goes wrong, each entry proven before it speaks.

A wrong gradient is seldom random. It is N times too large because a sum stands for a mean, it lies one row too low
because the padding was cut off at the wrong end, it counts the last window only because of `=` for `+=`. Every entry
works out what one such mistake leads to and answers only if that explains the gradient to the tolerance of the check,
so a name is a fact about the numbers and not a guess. The first entry that answers is taken: the simple ones stand
first, and those that only say where the wrong elements lie stand last.
"""

from __future__ import annotations

from collections.abc import Callable

from minidl._gradcheck import patterns, shares
from minidl._gradcheck.evidence import Evidence, Pattern

Entry = Callable[[Evidence], Pattern | None]

# These look at every element by itself, so that they also work on a sample of a large argument.
BY_ELEMENT: tuple[Entry, ...] = (
    patterns.missing,
    patterns.not_finite,
    patterns.no_influence,
    patterns.zero,
    patterns.sign,
    shares.dy_ignored,
    patterns.scaled,
    patterns.mask,
    patterns.some_signs,
    patterns.known_factor,
    patterns.other_factor,
)
LATER_BY_ELEMENT: tuple[Entry, ...] = (patterns.other_mask, patterns.branches, patterns.dy_unchanged)
CATALOGUE: tuple[Entry, ...] = (
    *BY_ELEMENT,
    patterns.incomplete,
    patterns.other_mask,
    patterns.transposed,
    patterns.flipped,
    patterns.permuted,
    patterns.shifted,
    patterns.factor_per_index,
    shares.own_place,
    shares.some_outputs,
    shares.one_use,
    shares.dy_reordered,
    shares.weights_reordered,
    patterns.constant_taken,
    patterns.offset,
    patterns.term,
    patterns.branches,
    patterns.dy_unchanged,
    patterns.swapped,
    patterns.stale,
    patterns.only_border,
    patterns.only_part,
)


def explain(evidence: Evidence, catalogue: tuple[Entry, ...] = CATALOGUE) -> Pattern | None:
    """Return the first mistake of the catalogue that explains the gradient; None if none does, or if it is right.

    Example:
        >>> import numpy as np
        >>> slope = np.array([[1.0, 2.0], [3.0, 5.0]])
        >>> explain(Evidence(dx=-slope, slope=slope)).text
        'the sign: -dx is right'
        >>> explain(Evidence(dx=slope, slope=slope)) is None
        True
    """
    if evidence.is_slope(evidence.dx):
        return None
    found = (entry(evidence) for entry in ((*BY_ELEMENT, *LATER_BY_ELEMENT) if evidence.sampled else catalogue))
    return next((pattern for pattern in found if pattern is not None), None)
