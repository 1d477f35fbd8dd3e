"""How much noise each step adds: β_1 … β_T, from the first to the last."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minidl._checks import check_choice, check_fraction, to_int

LARGEST = 0.999  # of the cosine's β: the last step would otherwise leave nothing at all


def linear(steps: int, first: float = 1e-4, last: float = 0.02) -> np.ndarray:
    """Return β that grow evenly, as Ho et al. have them (arXiv:2006.11239, section 4), for any number of steps.

    The two ends are those for 1,000 steps; with fewer of them each adds more, so that the last picture is noise as
    well: β · 1000 / T, and at most 0.999.

    Example:
        >>> from minidl.generation import linear
        >>> linear(1000)[[0, -1]].tolist()
        [0.0001, 0.02]
    """
    steps = to_int("linear", "steps", steps, least=1)
    check_fraction("linear", "first", first)
    check_fraction("linear", "last", last)
    return np.minimum(np.linspace(first, last, steps) * (1000 / steps), LARGEST)


def cosine(steps: int, offset: float = 0.008) -> np.ndarray:
    """Return the β of Nichol and Dhariwal (arXiv:2102.09672, equation 17), which destroy a picture more slowly.

    ᾱ_t = f(t) / f(0) with f(t) = cos²((t/T + s) / (1 + s) · π/2), and β_t = 1 - ᾱ_t / ᾱ_{t-1}, at most 0.999.

    Example:
        >>> import numpy as np
        >>> from minidl.generation import cosine
        >>> np.cumprod(1 - cosine(1000))[499].round(3)  # half way, about half of the variance is the picture's
        np.float64(0.494)
    """
    steps = to_int("cosine", "steps", steps, least=1)
    check_fraction("cosine", "offset", offset)
    f = np.cos((np.arange(steps + 1) / steps + offset) / (1 + offset) * math.pi / 2) ** 2
    return np.minimum(1 - f[1:] / f[:-1], LARGEST)


SCHEDULES: dict[str, Callable[[int], np.ndarray]] = {"linear": linear, "cosine": cosine}


def make_betas(schedule: str, steps: int) -> np.ndarray:
    """Return the β of a schedule that is called by its name, "linear" or "cosine"."""
    check_choice("make_betas", "schedule", schedule, SCHEDULES)
    return SCHEDULES[schedule](steps)
