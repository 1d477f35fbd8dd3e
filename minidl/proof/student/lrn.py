"""Local response norm as a student writes it: what is checked, and what comes out if one thing is done wrong.

What is right are the loops forward, and the textbook's formulas backward, which the finite differences then judge, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels import textbook
from minidl.proof import oracles
from minidl.proof.student.cases import Numbers
from minidl.proof.student.kinds import Named, Subject, against_formula, finite_differences

LRN = {"size": 3, "alpha": 0.3, "beta": 0.75, "k": 2.0}
LRNS = (
    Numbers("the smallest", (1, 2, 1, 1), LRN),
    Numbers("five channels", (2, 5, 2, 3), LRN),
    Numbers("the paper's window", (1, 7, 2, 2), {"size": 5, "alpha": 1.0, "beta": 0.75, "k": 2.0}),
    Numbers("an even window", (1, 6, 2, 2), {"size": 4, "alpha": 0.5, "beta": 0.5, "k": 1.0}),
    Numbers("float32", (1, 4, 2, 2), LRN, dtype="float32"),
)


def _settings(g: Numbers) -> tuple[Any, ...]:
    return tuple(g.given[name] for name in ("size", "alpha", "beta", "k"))


def activity(v: np.ndarray, low: int, high: int, *, around: bool = False) -> np.ndarray:
    """Add up the channels from c + low to c + high of every channel c that exist, or (around) those of a ring."""
    channels, total = v.shape[1], np.zeros_like(v)
    for c in range(channels):
        for j in range(c + low, c + high + 1):
            if around or 0 <= j < channels:
                total[:, c] += v[:, j % channels]
    return total


def lrn_loops(s: Subject, g: Numbers) -> float:
    """y against the loops, and the scale that the gradient needs."""
    x, (size, alpha, beta, k) = g.draw(np.random.default_rng(s.seed)), _settings(g)
    scale = k + alpha * activity(x * x, -(size // 2), (size - 1) // 2)
    right = oracles.local_response_norm(x, size, alpha, beta, k), scale.astype(x.dtype)
    parts = ("y", "N, C, H, W"), ("scale", "N, C, H, W")
    return against_formula(s, parts, (x, size, alpha, beta, k), right, lambda: of_lrn(x, g))


def of_lrn(x: np.ndarray, g: Numbers) -> Named:
    """Yield wrong norms; a scale that is wrong makes y wrong, too."""
    size, alpha, beta, k = _settings(g)
    low, high = -(size // 2), (size - 1) // 2
    seen = activity(x * x, low, high)
    scale = k + alpha * seen
    mean = seen / activity(np.ones_like(x), low, high)
    around = activity(x * x, low, high, around=True)
    scales = [
        ("the window reaches size channels to each side, not size // 2", k + alpha * activity(x * x, -size, size)),
        (
            "the last channel of the window is left out (range stops before it)",
            k + alpha * activity(x * x, low, high - 1),
        ),
        ("the first channel of the window is left out", k + alpha * activity(x * x, low + 1, high)),
        ("the window reaches one channel too far on both sides", k + alpha * activity(x * x, low - 1, high + 1)),
        ("the window begins at the channel itself", k + alpha * activity(x * x, 0, size - 1)),
        ("the window ends at the channel itself", k + alpha * activity(x * x, 1 - size, 0)),
        ("the even window leans to the other side", k + alpha * activity(x * x, -high, -low)),
        ("the channel itself is left out", scale - alpha * x * x),
        ("only the channel itself is counted", k + alpha * x * x),
        ("the window goes on at the other end of the channels (np.roll)", k + alpha * around),
        ("alpha is divided by the window size, another convention", k + alpha / size * seen),
        ("the squares are averaged over the channels that exist, not added up", k + alpha * mean),
        ("alpha is forgotten", k + seen),
        ("k is forgotten", alpha * seen),
        ("k stands before the sum as a factor: k·(1 + alpha·Σ)", k * (1 + alpha * seen)),
        ("alpha stands before k, too: alpha·(k + Σ)", alpha * (k + seen)),
        ("k is taken as 1", 1 + alpha * seen),
        ("the numbers are not squared", k + alpha * activity(x, low, high)),
        ("absolute values stand for the squares", k + alpha * activity(np.abs(x), low, high)),
        (
            "all channels are summed, not those of the window",
            k + alpha * np.broadcast_to((x * x).sum(1, keepdims=True), x.shape),
        ),
        ("the window lies along the rows, not along the channels", k + alpha * _along(x, 2, low, high)),
        ("the window lies along the columns, not along the channels", k + alpha * _along(x, 3, low, high)),
    ]
    for what, wrong in scales:
        yield what, "y", x * wrong**-beta
        yield what, "scale", wrong
    yield "beta is forgotten (scale to the power of 1)", "y", x / scale
    yield "the square root stands for the power beta", "y", x / np.sqrt(scale)
    yield "x is multiplied with scale^beta, not divided", "y", x * scale**beta
    yield "x is not divided by anything", "y", x
    yield "the factor scale^(-beta) is returned, without x", "y", scale**-beta
    yield "scale is returned to the power of -beta", "scale", scale**-beta
    yield "scale is returned to the power of beta", "scale", scale**beta
    yield "the sum of squares is returned as scale, without k and alpha", "scale", seen


def _along(x: np.ndarray, axis: int, low: int, high: int) -> np.ndarray:
    return activity((x * x).swapaxes(1, axis), low, high).swapaxes(1, axis)


def lrn_dx_formula(s: Subject, g: Numbers) -> float:
    """dx against the formula."""
    rng, (size, alpha, beta, k) = np.random.default_rng(s.seed), _settings(g)
    x, dy = g.draw(rng), g.draw(rng)
    _, scale = textbook.lrn(x, size, alpha, beta, k)
    right = (textbook.lrn_dx(dy, x, scale, size, alpha, beta),)
    arguments = dy, x, scale, size, alpha, beta
    return against_formula(s, (("dx", "N, C, H, W"),), arguments, right, lambda: of_lrn_dx(dy, x, scale, g))


def of_lrn_dx(dy: np.ndarray, x: np.ndarray, scale: np.ndarray, g: Numbers) -> Named:
    """Yield wrong gradients."""
    size, alpha, beta, _ = _settings(g)
    low, high = -((size - 1) // 2), size // 2
    own, ratio = dy * scale**-beta, dy * x * scale ** (-beta - 1)
    seen = activity(ratio, low, high)
    rest = 2 * alpha * beta * x * seen
    found = [
        ("the second term is forgotten: scale is taken for a constant", own),
        ("the first term is forgotten", -rest),
        ("the second term is added, not taken away", own + rest),
        ("the 2 of the square is forgotten", own - rest / 2),
        ("alpha is forgotten", own - rest / alpha),
        ("beta is forgotten", own - rest / beta),
        ("alpha is divided by the window size, another convention", own - rest / size),
        ("the x in front of the sum is forgotten", own - 2 * alpha * beta * seen),
        (
            "the x inside the sum is forgotten",
            own - 2 * alpha * beta * x * activity(dy * scale ** (-beta - 1), low, high),
        ),
        (
            "the dy inside the sum is forgotten",
            own - 2 * alpha * beta * x * activity(x * scale ** (-beta - 1), low, high),
        ),
        (
            "dy stands before the sum, not inside it",
            own - 2 * alpha * beta * x * dy * activity(x * scale ** (-beta - 1), low, high),
        ),
        (
            "the power inside the sum is -beta, not -beta - 1",
            own - 2 * alpha * beta * x * activity(dy * x * scale**-beta, low, high),
        ),
        (
            "the power inside the sum is 1 - beta, not -beta - 1",
            own - 2 * alpha * beta * x * activity(dy * x * scale ** (1 - beta), low, high),
        ),
        ("only the channel's own share is counted: no sum over the window", own - 2 * alpha * beta * x * ratio),
        (
            "the sum runs over the window, which must be mirrored",
            own - 2 * alpha * beta * x * activity(ratio, -high, -low),
        ),
        (
            "the sum runs over size channels to each side, not size // 2",
            own - 2 * alpha * beta * x * activity(ratio, -size, size),
        ),
        ("the channel itself is left out of the sum", own - 2 * alpha * beta * x * (seen - ratio)),
        ("scale^(-beta) is forgotten in the first term", dy - rest),
        (
            "x is squared in front and left out inside the sum",
            own - 2 * alpha * beta * x * x * activity(dy * scale ** (-beta - 1), low, high),
        ),
    ]
    for what, dx in found:
        yield what, "dx", dx


def lrn_dx_differences(s: Subject, g: Numbers) -> float:
    """lrn_dx as the gradient of lrn."""
    x, (size, alpha, beta, k) = np.random.default_rng(s.seed).standard_normal(g.x_shape), _settings(g)
    _, scale = textbook.lrn(x, size, alpha, beta, k)

    def backward(dy: np.ndarray) -> np.ndarray:
        return s.function(dy, x, scale, size, alpha, beta)

    return finite_differences(s, x, lambda x: textbook.lrn(x, size, alpha, beta, k)[0], backward, "x")
